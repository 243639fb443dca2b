"""When each part of a demo was over."""

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Timeline:
    """Monotonic seconds: the start, and of each thing that happened when it was first seen."""

    start_s: float = field(default_factory=time.monotonic)
    seen_s: dict[str, float] = field(default_factory=dict)

    def mark(self, name: str) -> None:
        """`name` has happened now, unless it had before."""
        self.seen_s.setdefault(name, time.monotonic())

    def between_s(self, first: str | None, last: str) -> float:
        """Seconds from `first` (None: the start) to `last`. Raises `KeyError` for what has not happened."""
        return self.seen_s[last] - (self.start_s if first is None else self.seen_s[first])
