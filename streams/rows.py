"""Events that are remembered, by the order in which they came: found by id, forgotten when their time has passed."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Any

import msgspec

from streams.stage import Saved

SEGMENT = 1_024
"""Rows that are written together."""

NEVER_MS = 1 << 62


class Written(msgspec.Struct, frozen=True, array_like=True):
    """A segment as it is saved: ids, their times (8 bytes each), and what is packed of those that waited then."""

    ids: list[str]
    times_ms: bytes
    packed: list[bytes | None]


_write_rows = msgspec.msgpack.Encoder().encode
_read_rows = msgspec.msgpack.Decoder(Written).decode
_write_truths = msgspec.msgpack.Encoder().encode
_read_truths = msgspec.msgpack.Decoder(list[Any]).decode


@dataclass(slots=True)
class Segment:
    """`SEGMENT` events that came one after the other. `packed` is what is kept of an event until its label comes."""

    ids: list[str] = field(default_factory=list)
    times_ms: "array[int]" = field(default_factory=lambda: array("q"))
    packed: list[bytes | None] = field(default_factory=list)
    truths: list[Any] = field(default_factory=list)
    remembered: int = 0


@dataclass(slots=True)
class Rows:
    """Remembered events. `places` says at which row an id stands; `end` is the next row.

    Most events come in the order of their times: `passed` runs over those, up to the oldest that is remembered. Only
    the others, `stragglers`, need a heap of (time, row). `forgotten_to` is the row before which everything older than
    `horizon_ms` is forgotten: later rows came after time last advanced.
    """

    end: int = 0
    forgotten_to: int = 0
    horizon_ms: int = -NEVER_MS
    places: dict[str, int] = field(default_factory=dict)
    segments: dict[int, Segment] = field(default_factory=dict)
    open: Segment = field(default_factory=Segment)
    stragglers: list[tuple[int, int]] = field(default_factory=list)
    newest_ms: int = -NEVER_MS
    oldest_ms: int = NEVER_MS
    passed: int = 0
    passed_ms: int = -NEVER_MS
    saved: int = 0
    settled: dict[int, None] = field(default_factory=dict)
    dropped: dict[int, None] = field(default_factory=dict)

    def append(self, event_id: str, time_ms: int, packed: bytes | None) -> int:
        """Remember an event; its row."""
        row = self.end
        self.end = row + 1
        if row % SEGMENT == 0:
            self.open = self.segments[row // SEGMENT] = Segment(truths=[None] * SEGMENT)
        segment = self.open
        segment.ids.append(event_id)
        segment.times_ms.append(time_ms)
        segment.packed.append(packed)
        segment.remembered += 1
        self.places[event_id] = row
        if time_ms < self.newest_ms:
            heappush(self.stragglers, (time_ms, row))
        else:
            self.newest_ms = time_ms
        if time_ms < self.oldest_ms:
            self.oldest_ms = time_ms
        return row

    def packed(self, row: int) -> bytes | None:
        """What is kept of the event while it waits for its label."""
        return self.segments[row // SEGMENT].packed[row % SEGMENT]

    def truth(self, row: int) -> Any:
        """The value of the label that the event has met; None where it has none."""
        return self.segments[row // SEGMENT].truths[row % SEGMENT]

    def settle(self, row: int, truth: Any) -> None:
        """The event has met its label: only the label's value is kept."""
        n = row // SEGMENT
        segment = self.segments[n]
        segment.packed[row % SEGMENT] = None
        segment.truths[row % SEGMENT] = truth
        self.settled[n] = None

    def forget(self, before_ms: int) -> int:
        """Forget events that happened before `before_ms`, which never decreases; how many of them still waited."""
        self.forgotten_to, self.horizon_ms = self.end, before_ms
        if self.oldest_ms >= before_ms:
            return 0
        waited = 0
        while self.passed < self.end:
            segment = self.segments.get(self.passed // SEGMENT)
            if segment is None:  # the rest of it were stragglers
                self.passed += SEGMENT - self.passed % SEGMENT
                continue
            time_ms = segment.times_ms[self.passed % SEGMENT]
            if time_ms >= self.passed_ms:  # else it is one of the stragglers
                if time_ms >= before_ms:
                    break
                self.passed_ms = time_ms
                waited += self._drop(self.passed)
            self.passed += 1
        while self.stragglers and self.stragglers[0][0] < before_ms:
            waited += self._drop(heappop(self.stragglers)[1])
        self._find_oldest()
        return waited

    def _find_oldest(self) -> None:
        """Of the row at which `passed` has come to rest, and of the stragglers."""
        in_order_ms = NEVER_MS
        if self.passed < self.end:
            in_order_ms = self.segments[self.passed // SEGMENT].times_ms[self.passed % SEGMENT]
        self.oldest_ms = min(in_order_ms, self.stragglers[0][0] if self.stragglers else NEVER_MS)

    def _drop(self, row: int) -> bool:
        """Forget one event; whether it still waited. A segment goes with the last of its rows."""
        n, i = divmod(row, SEGMENT)
        segment = self.segments[n]
        del self.places[segment.ids[i]]
        waited = segment.packed[i] is not None
        segment.packed[i] = None
        segment.remembered -= 1
        if not segment.remembered and len(segment.ids) == SEGMENT:
            del self.segments[n]
            self.dropped[n] = None
        return waited

    def save(self) -> Saved:
        """Segments with new rows, and the truths of those in which a label has come; None for what is forgotten."""
        first, end = (self.saved // SEGMENT, -(-self.end // SEGMENT)) if self.saved < self.end else (0, 0)
        for n in range(first, end):
            segment = self.segments.get(n)
            if segment is not None:
                yield b"p/%d" % n, _write_rows(Written(segment.ids, segment.times_ms.tobytes(), segment.packed))
        for n in sorted(self.settled):
            segment = self.segments.get(n)
            if segment is not None:
                yield b"t/%d" % n, _write_truths(segment.truths)
        for n in self.dropped:
            yield b"p/%d" % n, None
            yield b"t/%d" % n, None
        self.saved = self.end
        self.settled, self.dropped = {}, {}

    def restore(self, values: Mapping[bytes, bytes]) -> None:
        """Fill in the segments that were saved; `end`, `forgotten_to` and `horizon_ms` are there already."""
        self.saved, self.passed = self.end, self.end
        for n in sorted(int(key[2:]) for key in values if key.startswith(b"p/")):
            written = _read_rows(values[b"p/%d" % n])
            truths = _read_truths(values[b"t/%d" % n]) if b"t/%d" % n in values else []
            truths += [None] * (SEGMENT - len(truths))
            times_ms = array("q")
            times_ms.frombytes(written.times_ms)
            segment = self.open = self.segments[n] = Segment(written.ids, times_ms, written.packed, truths)
            for i in range(len(segment.ids)):
                self._restore_row(n * SEGMENT + i, segment, i)
        if self.passed == self.end:
            self.passed_ms = self.newest_ms
        heapify(self.stragglers)
        self._find_oldest()

    def _restore_row(self, row: int, segment: Segment, i: int) -> None:
        """Where one row belongs, in the order of rows."""
        time_ms = segment.times_ms[i]
        if segment.truths[i] is not None:
            segment.packed[i] = None
        if row < self.forgotten_to and time_ms < self.horizon_ms:
            segment.packed[i] = None
        else:
            segment.remembered += 1
            self.places[segment.ids[i]] = row
            if time_ms < self.newest_ms:
                self.stragglers.append((time_ms, row))
            elif self.passed == self.end:
                self.passed, self.passed_ms = row, self.newest_ms
        self.newest_ms = max(self.newest_ms, time_ms)
