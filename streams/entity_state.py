"""What a stage that holds the windows of one entity carries from record to record."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.before import Before
from streams.join import JoinState
from streams.keyed_windows import WindowState


@dataclass(slots=True)
class EntityState:
    """Only the first such stage remembers events: by their ids and keys.

    `before` is of each fold that is not final, oldest first; it is not there unless somebody asks, nor saved.
    """

    windows: Sequence[WindowState]
    counts: Counter[str] = field(default_factory=Counter)
    join: JoinState = field(default_factory=JoinState)
    watermark_ms: int = 0
    before: list[Before] = field(default_factory=list)

    @property
    def held(self) -> int:
        """How many labels wait for their event."""
        return len(self.join.held)
