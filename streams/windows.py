"""Event-time windows of one key: a row of events and, for each span, the oldest one that its window still holds."""

import sys
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from streams.newest import Size

UNBOUNDED = sys.maxsize
"""How many events windows may hold where the definition does not say."""

COMPACT_ABOVE = 32
"""Events behind the longest window are forgotten when there are more than these, and than half of all."""

Place = tuple[Sequence[int], int]
"""Where the window of each span starts, and where all of them end, as indices of the row."""


@dataclass(frozen=True, slots=True)
class Window:
    """The last `span_ms` before `t`, `(t - span, t]`.

    >>> Window(span_ms=60_000).contains(at_ms=30_000, t_ms=89_999)
    True
    """

    span_ms: int

    def contains(self, *, at_ms: int, t_ms: int) -> bool:
        return t_ms - self.span_ms < at_ms <= t_ms


class History:
    """The events of one key in order of (event time, arrival): times, and a column for each thing kept of them.

    `starts[i]` is the index of the oldest event in the window of `spans_ms[i]` as of the newest event. `add` costs the
    same however many events the windows hold: each event leaves each window once.

    Windows hold events among the `most` newest alone, in that order, and the event itself in any case.
    """

    __slots__ = ("columns", "most", "spans_ms", "starts", "times")

    def __init__(self, spans_ms: Sequence[int], columns: Sequence[Callable[[], Any]], *, most: int = UNBOUNDED) -> None:
        self.spans_ms, self.most = spans_ms, most
        self.times = array("q")
        self.columns: list[Any] = [column() for column in columns]
        self.starts = [0] * len(spans_ms)

    def add(self, at_ms: int, values: Sequence[float]) -> Place:
        """Add an event; where the windows as of it are. The event itself counts."""
        times = self.times
        if times and at_ms < times[-1]:
            return self._add_late(at_ms, values)
        if self.starts[-1] > COMPACT_ABOVE and 2 * self.starts[-1] > len(times):
            self._forget(self.starts[-1])  # spans ascend, so the last one's window is the longest
        self._append(at_ms, values)
        starts = self.starts
        for i, span_ms in enumerate(self.spans_ms):
            start = starts[i]
            if times[start] <= at_ms - span_ms:
                starts[i] = self._left(start, at_ms - span_ms)
        if len(times) > self.most:
            self._bound(starts, len(times))
        return starts, len(times)

    def _bound(self, starts: list[int], end: int) -> None:
        """Let windows that end there begin among the newest events, or be empty."""
        first = min(len(self.times) - self.most, end)
        starts[:] = [max(start, first) for start in starts]

    @property
    def cut(self) -> bool:
        """Whether windows as of the newest event, or later ones, would hold more events than the `most` newest."""
        older = len(self.times) - self.most
        return older > 0 and self.times[older - 1] > self._end_ms - self.spans_ms[-1]

    @property
    def _end_ms(self) -> int:
        """When the windows as of the newest event end."""
        return self.newest_ms

    def _left(self, start: int, until_ms: int) -> int:
        """The first event behind `start` that is later than `until_ms`; there is one."""
        times = self.times
        while times[start] <= until_ms:
            start += 1
        return start

    def look(self, at_ms: int) -> Place:
        """Where the windows as of a time are, without an event."""
        times = self.times
        starts, end = [bisect_right(times, at_ms - span_ms) for span_ms in self.spans_ms], bisect_right(times, at_ms)
        if len(times) > self.most:
            self._bound(starts, end)
        return starts, end

    def _add_late(self, at_ms: int, values: Sequence[float]) -> Place:
        """Put a late event where it belongs; the windows as of its own time, from what is still held."""
        place = bisect_right(self.times, at_ms)
        self._insert(place, at_ms, values)
        self._start_again()
        return [min(start, place) for start in self.look(at_ms)[0]], place + 1

    def _append(self, at_ms: int, values: Sequence[float]) -> None:
        self.times.append(at_ms)
        columns = self.columns
        for n, value in enumerate(values):
            columns[n].append(value)

    def _insert(self, place: int, at_ms: int, values: Sequence[float]) -> None:
        self.times.insert(place, at_ms)
        for column, value in zip(self.columns, values, strict=True):
            column.insert(place, value)

    def take_back(self, at_ms: int) -> None:
        """Take back the event that was added last, whose time is `at_ms`; it must not be the only one."""
        place = bisect_right(self.times, at_ms) - 1
        del self.times[place]
        for column in self.columns:
            column.remove(place)
        self._start_again()

    def _start_again(self) -> None:
        self.starts = list(self.look(self.newest_ms)[0])

    def _forget(self, count: int) -> None:
        """Forget so many events, which no window will hold; seldom enough that it costs next to nothing per event."""
        del self.times[:count]
        for column in self.columns:
            column.forget(count)
        self.starts = [max(start - count, 0) for start in self.starts]

    @property
    def newest_ms(self) -> int:
        """The time of the newest event."""
        return self.times[-1]

    def newest_at(self, size: Size) -> Size | int:
        """At which byte of a history that was written its newest time stands."""
        return 8 * (size // (8 + 8 * len(self.columns))) - 8

    def write(self) -> bytes:
        """The times, then each column's values, 8 bytes each."""
        return b"".join([self.times.tobytes(), *(column.values.tobytes() for column in self.columns)])

    def read(self, written: bytes) -> None:
        """Be the history that was written; its sums are added up again."""
        size = 8 * (len(written) // (8 + 8 * len(self.columns)))
        self.times.frombytes(written[:size])
        for i, column in enumerate(self.columns, 1):
            values = array(column.values.typecode)
            values.frombytes(written[size * i : size * (i + 1)])
            for value in values:
                column.append(value)
        self._start_again()
