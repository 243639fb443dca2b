"""One partition of a log in memory: records, control markers, what is stable, what was compacted or expired away."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from tests.streams.runtime.logs import Stored


class State(Enum):
    """Where a transaction stands."""

    OPEN = auto()
    COMMITTED = auto()
    ABORTED = auto()


@dataclass(eq=False)
class Fate:
    """What became of one transaction; all that it wrote refers to it."""

    state: State = State.OPEN


DONE = Fate(State.COMMITTED)
"""That of a record that was written outside any transaction."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One offset that is taken: by a record, or by a control marker (None)."""

    offset: int
    record: Stored | None
    fate: Fate = DONE


class Partition:
    """Slots in the order of their offsets. `low` is the first offset that is still there, `high` the next one."""

    def __init__(self, topic: str, number: int) -> None:
        self.topic, self.number = topic, number
        self.slots: list[Slot] = []
        self.low = 0
        self.high = 0
        self._undecided: dict[Fate, int] = {}

    def append(self, record: Stored, fate: Fate = DONE) -> int:
        """Give `record` the next offset, which is returned."""
        at = self.high
        if fate.state is State.OPEN:
            self._undecided.setdefault(fate, at)
        self.slots.append(Slot(at, record._replace(topic=self.topic, partition=self.number, offset=at), fate))
        self.high += 1
        return at

    def mark(self, fate: Fate) -> None:
        """The control marker of a transaction that has ended."""
        self._undecided.pop(fate, None)
        self.slots.append(Slot(self.high, None, fate))
        self.high += 1

    @property
    def stable(self) -> int:
        """The last stable offset: nothing before it is undecided."""
        return min(self._undecided.values(), default=self.high)

    def read(self, start: int, end: int) -> list[Stored]:
        """The committed records in `[start, end)`, up to the last stable offset."""
        return list(self._committed(start, min(end, self.stable)))

    def _committed(self, start: int, end: int) -> Iterator[Stored]:
        for offset, record, fate in self._between(start, end):
            if record is not None and fate.state is State.COMMITTED and start <= offset:
                yield record

    def _between(self, start: int, end: int) -> Iterator[tuple[int, Stored | None, Fate]]:
        first = 0 if len(self.slots) < self.high else min(start, len(self.slots))  # no holes: slot n has offset n
        for slot in self.slots[first:]:
            if slot.offset >= end:
                return
            yield slot.offset, slot.record, slot.fate

    def compact(self) -> None:
        """Leave the last value of each key among what is stable; tombstones, aborted records and markers go."""
        stable, latest = self.stable, {}
        for offset, record, fate in self._between(0, stable):
            if record is not None and fate.state is State.COMMITTED:
                latest[record.key] = offset
        kept = set(latest.values())
        self.slots = [slot for slot in self.slots if slot.offset >= stable or _stays(slot, kept)]

    def expire(self, low: int) -> None:
        """Retention: nothing before offset `low` is there any more."""
        self.low = max(self.low, min(low, self.high))
        self.slots = [slot for slot in self.slots if slot.offset >= self.low]


def _stays(slot: Slot, kept: set[int]) -> bool:
    return slot.offset in kept and slot.record is not None and slot.record.value is not None


def values(records: Sequence[Stored]) -> list[tuple[bytes | None, bytes | None]]:
    """Key and value of each record."""
    return [(record.key, record.value) for record in records]
