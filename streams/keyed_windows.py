"""The windows of every value of one entity with the same delay and filter: what they give, hold and forget."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from struct import Struct
from typing import Any

from streams import saved_windows
from streams.aggregate import Aggregate, Filter, Windows
from streams.column import Column, Marks
from streams.delayed import DelayedHistory, RatedHistory
from streams.exact import PrefixSums
from streams.reading import Kept, kept_of, reading
from streams.saved_windows import Pages
from streams.stage import Saved
from streams.windows import History

RICH = ("min", "max", "variance", "quantile")
"""Verbs that ask more of a field than sums and single values."""

_time_at = Struct("q").unpack_from


@dataclass(slots=True)
class WindowState:
    """The histories of every key of the entity, and when each may be forgotten.

    One that was saved and not touched since stays as it was written. `changed` keys have been touched since the last
    save, in order; `pages` is where the others stand.
    """

    histories: dict[str, History | bytes] = field(default_factory=dict)
    deadlines: list[tuple[int, str]] = field(default_factory=list)
    changed: dict[str, None] = field(default_factory=dict)
    pages: Pages = field(default_factory=Pages)


class KeyedWindows:
    """Compiled from `windows` of one entity, delay and filter. `kept` is what its histories hold of events, in order.

    `reads` give the aggregates where the event itself was added to its history, `looks` where it was not.
    """

    def __init__(self, name: str, windows: Sequence[Windows]) -> None:
        self.entity = windows[0].entity
        self.where: Filter | None = windows[0].where
        aggregates = [(each, aggregate) for each in windows for aggregate in each.aggregates]
        self.kept = tuple(sorted({kept for _, aggregate in aggregates if (kept := kept_of(aggregate)) is not None}))
        self.rated = any(aggregate.verb == "rate" for _, aggregate in aggregates)
        self._saved_as = b"w/%s/" % name.encode()
        self._delay_ms = windows[0].delay_ms
        self._columns = [_column(kept, [aggregate for _, aggregate in aggregates]) for kept in self.kept]
        self._spans_ms = tuple(sorted({span for each in windows for span in each.spans_ms}))
        self.reads, self.looks = (
            tuple(reading(each, aggregate, self._spans_ms, self.kept, added=added) for each, aggregate in aggregates)
            for added in (True, False)
        )

    @property
    def kept_ms(self) -> int:
        """How long an event is in one of the windows or may still come into it."""
        return self._delay_ms + self._spans_ms[-1]

    def _new(self) -> History:
        spans_ms, columns = self._spans_ms, self._columns
        if self.rated:
            return RatedHistory(spans_ms, columns, self._delay_ms)
        return DelayedHistory(spans_ms, columns, self._delay_ms) if self._delay_ms else History(spans_ms, columns)

    def held(self, state: WindowState, key: str) -> History:
        """The history of a key as it is; an empty one, where there is none."""
        history = state.histories.get(key, b"")
        if isinstance(history, bytes):
            written, history = history, self._new()
            if written:
                history.read(written)
                state.histories[key] = history
        return history

    def changing(self, state: WindowState, key: str, time_ms: int) -> History:
        """The history of a key, which is about to change; a new one, where an event at `time_ms` is the first."""
        state.changed[key] = None
        history = state.histories.get(key)
        if history is None:
            history = state.histories[key] = self._new()
            heappush(state.deadlines, (time_ms + self.kept_ms, key))
        elif isinstance(history, bytes):
            return self.held(state, key)
        return history

    def take_back(self, state: WindowState, key: str, time_ms: int) -> None:
        """Take back the event that was added last to the history of `key`."""
        history = state.histories[key]
        assert isinstance(history, History)
        if len(history.times) > 1:
            history.take_back(time_ms)
            return
        del state.histories[key]
        state.deadlines.remove((time_ms + self.kept_ms, key))
        heapify(state.deadlines)

    def label(self, state: WindowState, key: str, time_ms: int, *, positive: bool) -> None:
        """The label of the event of `key` at `time_ms` is known; nothing, where that key is forgotten."""
        if key in state.histories:
            history = self.changing(state, key, time_ms)
            assert isinstance(history, RatedHistory)
            history.label(time_ms, positive=positive)

    def expire(self, state: WindowState, watermark_ms: int) -> None:
        """Forget keys whose windows are all empty at `watermark_ms`, and stay so."""
        deadlines = state.deadlines
        while deadlines and deadlines[0][0] < watermark_ms:
            _, key = heappop(deadlines)
            deadline_ms = self._newest_ms(state.histories[key]) + self.kept_ms
            if deadline_ms < watermark_ms:
                del state.histories[key]
                state.changed[key] = None
            else:
                heappush(deadlines, (deadline_ms, key))

    def _newest_ms(self, history: History | bytes) -> int:
        """The newest time of a history; of one that was written without reading the rest."""
        if isinstance(history, History):
            return history.times[-1]
        rated, numbers = int(self.rated), 1 + len(self.kept)
        events = len(history) // (rated + 8 * numbers)
        time_ms: int = _time_at(history, (rated + 8) * events - 8)[0]
        return time_ms

    def save(self, state: WindowState) -> Saved:
        """The histories of the keys that have changed."""
        for number, page in state.pages.save(state.changed, state.histories):
            yield b"%s%d" % (self._saved_as, number), page
        state.changed = {}

    def restore(self, values: Mapping[bytes, bytes]) -> WindowState:
        """What was saved, to be read when it is touched."""
        histories, pages = saved_windows.restore(values, self._saved_as)
        deadlines = [(self._newest_ms(history) + self.kept_ms, key) for key, history in histories.items()]
        heapify(deadlines)
        return WindowState(histories, deadlines, pages=pages)


def _column(kept: Kept, aggregates: Sequence[Aggregate]) -> Callable[[], Any]:
    """What holds it: sums alone, or also the order of the values, or only which are different."""
    if kept.marked:
        return Marks
    rich = any(a.field == kept.field and a.verb in RICH for a in aggregates)
    return Column if rich else PrefixSums
