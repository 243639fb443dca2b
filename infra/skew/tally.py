"""How many values were equal, per feature and hour of event time, and the worst that was not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import NamedTuple

from infra.skew.naive import Value

Place = tuple[int, int, int]
"""Time (ms), partition and offset of an event."""

HOUR_MS = 60 * 60 * 1_000


class Example(NamedTuple):
    """A value that was served and is another one by definition (None: has none), and where its event stood."""

    event_id: str
    served: float
    recomputed: float | None
    partition: int
    offset: int

    @property
    def apart(self) -> float:
        """How far the two are from each other."""
        return abs(self.served - self.recomputed) if self.recomputed is not None else inf


@dataclass(slots=True)
class Count:
    """Of one feature in one hour. `checked` are those that were judged; `worst` the first of those furthest apart.

    `unjudged` differ where nothing is promised: in a window that begins before what the live path has to hold, as that
    of a late event may, or before what is still known.
    """

    checked: int = 0
    unequal: int = 0
    unjudged: int = 0
    worst: Example | None = None

    def add(self, other: "Count") -> None:
        """Those of another partition, hour or feature too."""
        self.checked += other.checked
        self.unequal += other.unequal
        self.unjudged += other.unjudged
        if other.worst is not None:
            self.meet(other.worst)

    def meet(self, example: Example) -> None:
        """Keep the worst."""
        if self.worst is None or example.apart > self.worst.apart:
            self.worst = example


@dataclass(slots=True)
class Tally:
    """Counts of one partition by hour (ms since the epoch), each for the features `names` in their order.

    `changed` are the hours that have been added to and not been written since. `events`, `checked` and `unequal` are
    those that were judged here.
    """

    names: Sequence[str]
    hours: dict[int, list[Count]] = field(default_factory=dict)
    changed: dict[int, None] = field(default_factory=dict)
    events: int = 0
    checked: int = 0
    unequal: int = 0

    def of(self, hour_ms: int) -> list[Count]:
        """The counts of an hour."""
        counts = self.hours.get(hour_ms)
        if counts is None:
            counts = self.hours[hour_ms] = [Count() for _ in self.names]
        return counts

    def judge(self, event_id: str, place: Place, served: Sequence[float], values: Sequence[Value]) -> None:
        """Compare a vector, served to the event at `place`.

        Equal is equal in all 64 bits, but for the sign of a zero, which no definition decides.
        """
        time_ms, *at = place
        hour_ms = time_ms - time_ms % HOUR_MS
        self.changed[hour_ms] = None
        self.events += 1
        for count, one, (value, sure) in zip(self.of(hour_ms), served, values, strict=True):
            if one == value:
                count.checked += 1
                self.checked += 1
            elif not sure:
                count.unjudged += 1
            else:
                count.checked += 1
                count.unequal += 1
                self.checked += 1
                self.unequal += 1
                count.meet(Example(event_id, one, value, *at))

    def features(self) -> Iterator[tuple[str, Count]]:
        """Each feature over all hours."""
        for place, name in enumerate(self.names):
            whole = Count()
            for counts in self.hours.values():
                whole.add(counts[place])
            yield name, whole


def finite(value: float | None) -> float | None:
    """A value for a column or for JSON, which know no infinity."""
    return value if value is not None and isfinite(value) else None
