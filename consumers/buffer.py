"""The records of one topic partition that wait for their insert. Pure: time and tokens are handed in."""

from collections.abc import Callable
from dataclasses import dataclass, field

from consumers.intent import Intent
from consumers.rows import Row
from consumers.tables import Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a partition's rows go: at `rows`, at `bytes` of memory, after `interval_s`. All hold `all_bytes`."""

    interval_s: float = 1.0
    rows: int = 50_000
    bytes: int = 64 << 20
    all_bytes: int = 256 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The rows of exactly the range that the intent names, by table.

    `resumed`: the intent was found, not made. `first`: of its partition since that was assigned. `taken_s`: since when
    the intent may stand in Kafka, seconds since the epoch.
    """

    topic: str
    partition: int
    intent: Intent
    rows: dict[str, tuple[Table, list[Row]]]
    size_bytes: int
    resumed: bool
    first: bool
    taken_s: float

    @property
    def where(self) -> str:
        return f"{self.topic}[{self.partition}] {self.intent.start} to {self.intent.end}"

    @property
    def count(self) -> int:
        return sum(len(rows) for _, rows in self.rows.values())


@dataclass(slots=True, kw_only=True)
class Buffer:
    """Starts at the committed position. With an `intent` found there, that range goes first, as it is."""

    topic: str
    partition: int
    start: int
    intent: Intent | None
    end: int = 0
    size_bytes: int = 0
    since_s: float = 0.0
    first: bool = True
    _waiting: list[tuple[int, int, Table, Row]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.end = self.start

    def add(self, offset: int, table: Table, row: Row, *, size_bytes: int, now_s: float) -> None:
        """Append the row of the record at `offset`, which occupies `size_bytes`."""
        if not self._waiting:
            self.since_s = now_s
        self._waiting.append((offset, size_bytes, table, row))
        self.size_bytes += size_bytes
        self.end = offset + 1

    def reach(self, position: int) -> None:
        """The log was read to `position`: nothing but what was added stands before it."""
        self.end = max(self.end, position)

    @property
    def resuming(self) -> bool:
        """Whether an intent was found whose range has not been read yet: it has to be, however large it is."""
        return self.intent is not None and self.end < self.intent.end

    def full(self, limits: Limits) -> bool:
        """Whether the partition should be read no further for now."""
        large = len(self._waiting) >= 2 * limits.rows or self.size_bytes >= 2 * limits.bytes
        return large and not self.resuming

    def due(self, limits: Limits, now_s: float) -> bool:
        """Whether it is time to insert."""
        if self.intent is not None:
            return not self.resuming
        if not self._waiting:
            return False
        large = len(self._waiting) >= limits.rows or self.size_bytes >= limits.bytes
        return large or now_s - self.since_s >= limits.interval_s

    @property
    def passed(self) -> int | None:
        """The position behind markers and aborted records alone, which needs no insert; None if there is no such."""
        return self.end if not self._waiting and self.intent is None and self.end > self.start else None

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def take(self, limits: Limits, token: Callable[[], str], *, now_s: float, taken_s: float) -> Batch:
        """The next batch: the range of the intent that was found, else as much of what waits as one insert may have."""
        resumed, first = self.intent, self.first
        intent = resumed or Intent(start=self.start, end=self._cut(limits), token=token())
        count = next((n for n, one in enumerate(self._waiting) if one[0] >= intent.end), len(self._waiting))
        rows: dict[str, tuple[Table, list[Row]]] = {}
        for _, _, table, row in self._waiting[:count]:
            rows.setdefault(table.name, (table, []))[1].append(row)
        size_bytes = sum(one[1] for one in self._waiting[:count])
        del self._waiting[:count]
        self.size_bytes -= size_bytes
        self.start, self.intent, self.since_s, self.first = intent.end, None, now_s, False
        return Batch(
            topic=self.topic,
            partition=self.partition,
            intent=intent,
            rows=rows,
            size_bytes=size_bytes,
            resumed=resumed is not None,
            first=first,
            taken_s=taken_s,
        )

    def _cut(self, limits: Limits) -> int:
        """Where the next range ends: before the first row that is too many, or too much; never before the first."""
        held_bytes = 0
        for number, (offset, size_bytes, _, _) in enumerate(self._waiting):
            held_bytes += size_bytes
            if number and (number >= limits.rows or held_bytes > limits.bytes):
                return offset
        return self.end
