"""What scoring carries from record to record, and how it is saved."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.before import ModelBefore
from streams.hand import Hand
from streams.join import Join, JoinState
from streams.keyed_groups import Groups
from streams.keyed_windows import WindowState
from streams.ladder import Belief
from streams.memory import MemorySaving
from streams.pickled import pickled_model
from streams.pipeline import Pipeline
from streams.stage import Saved

MODEL = b"model"


@dataclass(slots=True)
class ScoreState:
    """All that scoring carries from record to record.

    `before` is of each fold that is not final, oldest first, and `second` a model that is taught a fold later: neither
    is there unless somebody asks, nor saved. The `model` is in `hand` within a fold.
    """

    model: Any
    windows: Sequence[WindowState]
    counts: Counter[str] = field(default_factory=Counter)
    join: JoinState = field(default_factory=JoinState)
    belief: Belief = field(default_factory=Belief)
    watermark_ms: int = 0
    before: list[ModelBefore] = field(default_factory=list)
    second: Any = None
    hand: Hand | None = None

    @property
    def learnt(self) -> int:
        """How many labels the model has learnt."""
        return self.belief.learnt

    @property
    def held(self) -> int:
        """How many labels wait for their event."""
        return len(self.join.held)


class Saving:
    """The model under `model`, and what else is remembered."""

    def __init__(self, pipeline: Pipeline, windows: Groups, join: Join) -> None:
        self._pickled = pickled_model(pipeline.model(), pipeline.model.__module__)
        self._memory = MemorySaving(windows, join)

    def save(self, state: ScoreState) -> Saved:
        """What has changed, and the model."""
        yield MODEL, self._pickled.write(state.model)
        yield from self._memory.save(state, state.belief)

    def restore(self, values: Mapping[bytes, bytes]) -> ScoreState:
        """The state that was saved. Raises `Problem` where its model is none of ours."""
        windows, join, numbers = self._memory.restore(values)
        return ScoreState(
            model=self._pickled.read(values[MODEL]),
            counts=Counter(numbers.counts),
            windows=windows,
            join=join,
            belief=numbers.belief,
            watermark_ms=numbers.watermark_ms,
        )
