"""Events that are remembered, by the order in which they came: found by id, forgotten when their time has passed."""

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from streams.index import LOW, Index
from streams.segment import DIGEST, Segment, digest_of, tag_of

SEGMENT = 1_024
"""Rows that are written together."""

NEVER_MS = 1 << 62
ROW_BITS = 48


@dataclass(slots=True)
class RowsBefore:
    """Where rows stood before they were changed: what came since stands from `end` on, what went is `forgotten`.

    Of each digest the first row that went, with its time, since another of the same id may have come and gone.
    """

    end: int
    horizon_ms: int
    forgotten: dict[bytes, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Rows:
    """Remembered events. `index` says at which row an id stands, by its digest's first bits; `end` is the next row.

    Most events come in the order of their times: `passed` runs over those, up to the oldest that is remembered. Only
    the others, `stragglers`, need a heap of their times, each with its row in the lowest bits. `forgotten_to` is the
    row before which everything older than `horizon_ms` is forgotten: later rows came after time last advanced.

    The id `asked` for last has its `digest` and its `tag` kept: an event is looked for just before it is remembered.

    `before` has what stood before each fold that is not final, oldest first.
    """

    end: int = 0
    forgotten_to: int = 0
    horizon_ms: int = -NEVER_MS
    index: Index = field(default_factory=Index)
    segments: dict[int, Segment] = field(default_factory=dict)
    open: Segment = field(default_factory=lambda: Segment(0))
    stragglers: list[int] = field(default_factory=list)
    newest_ms: int = -NEVER_MS
    oldest_ms: int = NEVER_MS
    passed: int = 0
    passed_ms: int = -NEVER_MS
    saved: int = 0
    settled: dict[int, None] = field(default_factory=dict)
    dropped: dict[int, None] = field(default_factory=dict)
    asked: str = ""
    digest: bytes = digest_of("")
    tag: int = tag_of(digest_of(""))[0]
    before: list[RowsBefore] = field(default_factory=list)

    def __len__(self) -> int:
        """How many events are remembered."""
        return self.index.count

    def find(self, event_id: str) -> int | None:
        """The row of the event; None where none of this id is remembered."""
        if event_id != self.asked:
            self._ask(event_id)
        low = self.index.first(self.tag)
        while low is not None:
            row = self.end - (self.end - low & LOW)  # the last that ends in these bits
            if self.segments[row // SEGMENT].digests.startswith(self.digest, row % SEGMENT * DIGEST):
                return row
            low = self.index.after(self.tag, low)
        return None

    def _ask(self, event_id: str) -> None:
        self.asked = event_id
        self.digest = digest_of(event_id)
        (self.tag,) = tag_of(self.digest)

    def append(self, event_id: str, time_ms: int, packed: bytes | None) -> int:
        """Remember an event, whose id must not be; its row. `packed` is what is kept of it until its label comes."""
        row = self.end
        place = row % SEGMENT
        if place == 0:
            self.open = self.segments[row // SEGMENT] = Segment(time_ms)
        if event_id != self.asked:
            self._ask(event_id)
        self.open.append(self.digest, time_ms, packed)
        if place == SEGMENT - 1:
            self.open.seal()
        self.index.add(self.tag, row)
        self.end = row + 1
        if time_ms < self.newest_ms:
            heappush(self.stragglers, straggler(time_ms, row))
        else:
            self.newest_ms = time_ms
        if time_ms < self.oldest_ms:
            self.oldest_ms = time_ms
        return row

    def stood(self, event_id: str) -> int | None:
        """When the event happened, where it was remembered before all folds that are not final; else None."""
        row, before = self.find(event_id), self.before
        if row is not None and (not before or row < before[0].end):
            return self.time_ms(row)
        for each in before:
            row, time_ms = each.forgotten.get(self.digest, (before[0].end, 0))
            if row < before[0].end:
                return time_ms
        return None

    def time_ms(self, row: int) -> int:
        """When the event happened."""
        segment = self.segments[row // SEGMENT]
        return segment.first_ms + int(segment.offsets_ms[row % SEGMENT])

    def packed(self, row: int) -> bytes | None:
        """What is kept of the event while it waits for its label."""
        packed = self.segments[row // SEGMENT].packed
        return packed[row % SEGMENT] if packed else None

    def met(self, row: int, truth: Any) -> bool:
        """Whether this is the value of the label that the event has met; False where it has met none."""
        truths = self.segments[row // SEGMENT].truths
        return truths is not None and truths.are(row % SEGMENT, truth)

    def labelled(self, row: int) -> bool:
        """Whether the event has met a label."""
        truths = self.segments[row // SEGMENT].truths
        return truths is not None and truths.has(row % SEGMENT)

    def settle(self, row: int, truth: Any, *, keep: bool = False) -> None:
        """The event has met its label: only the label's value is kept, unless all is to be."""
        n = row // SEGMENT
        self.segments[n].settle(row % SEGMENT, truth, keep=keep)
        self.settled[n] = None

    def forget(self, before_ms: int) -> int:
        """Forget events that happened before `before_ms`, which never decreases; how many of them still waited."""
        self.forgotten_to, self.horizon_ms = self.end, before_ms
        if self.oldest_ms >= before_ms:
            return 0
        waited = self._pass(before_ms)
        stragglers = self.stragglers
        while stragglers and stragglers[0] >> ROW_BITS < before_ms:
            n, place = divmod(heappop(stragglers) & (1 << ROW_BITS) - 1, SEGMENT)
            waited += self._drop(n, self.segments[n], place)
        if stragglers:
            self.oldest_ms = min(self.oldest_ms, stragglers[0] >> ROW_BITS)
        return waited

    def _pass(self, before_ms: int) -> int:
        """Forget those that came in the order of their times; how many still waited."""
        waited, row = 0, self.passed
        self.oldest_ms = NEVER_MS
        while row < self.end:
            n, place = divmod(row, SEGMENT)
            segment = self.segments.get(n)
            if segment is None:  # the rest of it were stragglers
                row += SEGMENT - place
                continue
            time_ms = segment.first_ms + segment.offsets_ms[place]
            if time_ms >= self.passed_ms:  # else it is one of the stragglers
                if time_ms >= before_ms:
                    self.oldest_ms = time_ms
                    break
                self.passed_ms = time_ms
                waited += self._drop(n, segment, place)
            row += 1
        self.passed = row
        return waited

    def _drop(self, n: int, segment: Segment, place: int) -> bool:
        """Forget one event; whether it still waited. A segment goes with the last of its rows."""
        row = n * SEGMENT + place
        self.index.remove(tag_of(segment.digests, place * DIGEST)[0], row)
        if self.before:
            digest = bytes(segment.digests[place * DIGEST : (place + 1) * DIGEST])
            self.before[-1].forgotten.setdefault(digest, (row, segment.time_ms(place)))
        segment.forgotten += 1
        if segment.forgotten == SEGMENT:
            del self.segments[n]
            self.dropped[n] = None
        return segment.unpack(place)


def straggler(time_ms: int, row: int) -> int:
    """Time and row in one number, in the order of times: half the size of a tuple."""
    return time_ms << ROW_BITS | row
