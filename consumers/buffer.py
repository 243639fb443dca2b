"""The records of one topic partition that wait for their insert. Pure: time and tokens are handed in."""

from collections.abc import Callable
from dataclasses import dataclass, field

from consumers.intent import Intent
from consumers.rows import Row, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a partition's rows go: at `rows`, at `bytes` of message values, or after `interval_s`."""

    interval_s: float = 1.0
    rows: int = 50_000
    bytes: int = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """The rows of exactly the range that the intent names, by table; `resumed`: the intent was found, not made."""

    topic: str
    partition: int
    intent: Intent
    rows: dict[str, tuple[Table, list[Row]]]
    resumed: bool

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
    _waiting: list[tuple[int, Table, Row]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.end = self.start

    def add(self, offset: int, table: Table, row: Row, *, size_bytes: int, now_s: float) -> None:
        """Append the row of the record at `offset`."""
        if not self._waiting:
            self.since_s = now_s
        self._waiting.append((offset, table, row))
        self.size_bytes += size_bytes
        self.end = offset + 1

    def reach(self, position: int) -> None:
        """The log was read to `position`: nothing but what was added stands before it."""
        self.end = max(self.end, position)

    def full(self, limits: Limits) -> bool:
        """Whether the partition should be read no further for now."""
        return len(self._waiting) >= 2 * limits.rows or self.size_bytes >= 2 * limits.bytes

    def due(self, limits: Limits, now_s: float) -> bool:
        """Whether it is time to insert."""
        if self.intent is not None:
            return self.end >= self.intent.end
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

    def take(self, limits: Limits, token: Callable[[], str], now_s: float) -> Batch:
        """The next batch: the range of the intent that was found, else at most `limits.rows` of what waits."""
        resumed = self.intent
        intent = resumed or Intent(start=self.start, end=self._cut(limits), token=token())
        rows: dict[str, tuple[Table, list[Row]]] = {}
        taken = 0
        for offset, table, row in self._waiting:
            if offset >= intent.end:
                break
            rows.setdefault(table.name, (table, []))[1].append(row)
            taken += 1
        self.size_bytes = round(self.size_bytes * (1 - taken / max(1, len(self._waiting))))
        del self._waiting[:taken]
        self.start, self.intent, self.since_s = intent.end, None, now_s
        return Batch(topic=self.topic, partition=self.partition, intent=intent, rows=rows, resumed=resumed is not None)

    def _cut(self, limits: Limits) -> int:
        return self.end if len(self._waiting) <= limits.rows else self._waiting[limits.rows][0]
