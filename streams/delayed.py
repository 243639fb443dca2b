"""Windows of one key that end before the event, and what is known by then of the events in them."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from streams import windows
from streams.newest import Size
from streams.windows import UNBOUNDED, History, Place

UNKNOWN, NEGATIVE, POSITIVE = 0, 1, 2


class DelayedHistory(History):
    """A history whose windows are `(t - delay - span, t - delay]`. They end before the index `until`."""

    __slots__ = ("delay_ms", "until")

    def __init__(
        self, spans_ms: Sequence[int], columns: Sequence[Callable[[], Any]], delay_ms: int, *, most: int = UNBOUNDED
    ) -> None:
        super().__init__(spans_ms, columns, most=most)
        self.delay_ms = delay_ms
        self.until = 0

    def add(self, at_ms: int, values: Sequence[float]) -> Place:
        """Add an event; where the windows as of it are. It counts itself where there is no delay."""
        times = self.times
        if times and at_ms < times[-1]:
            return self._add_late(at_ms, values)
        behind = max(self.starts[-1], len(times) - self.most)
        if behind > windows.COMPACT_ABOVE and 2 * behind > len(times):
            self._forget(behind)
        self._append(at_ms, values)
        self._move(at_ms - self.delay_ms)
        return self.starts, self.until

    def _move(self, end_ms: int) -> None:
        """Let the windows end at `end_ms`, which is no earlier than before."""
        times, starts, until = self.times, self.starts, self.until
        while until < len(times) and times[until] <= end_ms:
            until += 1
        self.until = until
        for i, span_ms in enumerate(self.spans_ms):
            if times[starts[i]] <= end_ms - span_ms:
                starts[i] = self._left(starts[i], end_ms - span_ms)
        if len(times) > self.most:
            self._bound(starts, until)

    def _add_late(self, at_ms: int, values: Sequence[float]) -> Place:
        self._insert(bisect_right(self.times, at_ms), at_ms, values)
        self._start_again()
        return self.look(at_ms)

    def look(self, at_ms: int) -> Place:
        return super().look(at_ms - self.delay_ms)

    def _start_again(self) -> None:
        starts, self.until = self.look(self.times[-1])
        self.starts = list(starts)

    def _forget(self, count: int) -> None:
        super()._forget(count)
        self.until = max(self.until - count, 0)

    @property
    def _end_ms(self) -> int:
        return self.newest_ms - self.delay_ms


class RatedHistory(DelayedHistory):
    """A delayed history that knows the labels of its events: `known[i]` of them, `positive[i]`, in each window.

    Which of several events at one time a label is about makes no difference to any window, so it is not kept. It would
    where windows held the newest of them alone.
    """

    __slots__ = ("known", "labels", "positive")

    def __init__(self, spans_ms: Sequence[int], columns: Sequence[Callable[[], Any]], delay_ms: int) -> None:
        super().__init__(spans_ms, columns, delay_ms)
        self.labels = bytearray()
        self.known = [0] * len(spans_ms)
        self.positive = [0] * len(spans_ms)

    def label(self, at_ms: int, *, positive: bool, revises: bool = False) -> None:
        """The label of an event at `at_ms` is known, or `revises` one; nothing, where no window holds the event."""
        label = POSITIVE if positive else NEGATIVE
        before = NEGATIVE + POSITIVE - label if revises else UNKNOWN
        times, place = self.times, bisect_left(self.times, at_ms)
        while place < len(times) and times[place] == at_ms and self.labels[place] != before:
            place += 1
        if place == len(times) or times[place] != at_ms:
            return
        self.labels[place] = label
        if place < self.until:
            for i, start in enumerate(self.starts):
                if start <= place:
                    self.known[i] += not revises
                    self.positive[i] += positive - (before == POSITIVE)

    def count(self, start: int, end: int) -> tuple[int, int]:
        """How many labels are known of `row[start:end]`, and how many of them are positive."""
        positive = self.labels.count(POSITIVE, start, end)
        return positive + self.labels.count(NEGATIVE, start, end), positive

    def _append(self, at_ms: int, values: Sequence[float]) -> None:
        History._append(self, at_ms, values)
        self.labels.append(UNKNOWN)

    def _insert(self, place: int, at_ms: int, values: Sequence[float]) -> None:
        super()._insert(place, at_ms, values)
        self.labels.insert(place, UNKNOWN)

    def take_back(self, at_ms: int) -> None:
        del self.labels[bisect_right(self.times, at_ms) - 1]
        super().take_back(at_ms)

    def _move(self, end_ms: int) -> None:
        starts, until = self.starts[:], self.until
        super()._move(end_ms)
        if until != self.until:
            known, positive = self.count(until, self.until)
            self.known = [each + known for each in self.known]
            self.positive = [each + positive for each in self.positive]
        if starts != self.starts:
            for i, start in enumerate(starts):
                known, positive = self.count(start, self.starts[i])
                self.known[i] -= known
                self.positive[i] -= positive

    def _start_again(self) -> None:
        super()._start_again()
        counted = [self.count(start, self.until) for start in self.starts]
        self.known = [known for known, _ in counted]
        self.positive = [positive for _, positive in counted]

    def _forget(self, count: int) -> None:
        del self.labels[:count]
        super()._forget(count)

    def newest_at(self, size: Size) -> Size | int:
        events = size // (9 + 8 * len(self.columns))
        return events + super().newest_at(size - events)

    def write(self) -> bytes:
        """As any history, behind one byte for the label of each event."""
        return bytes(self.labels) + super().write()

    def read(self, written: bytes) -> None:
        size = len(written) // (9 + 8 * len(self.columns))
        self.labels += written[:size]
        super().read(written[size:])
