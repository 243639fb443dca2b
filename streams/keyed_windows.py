"""The windows of every value of one entity that end at the same delay: what they give, hold and forget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from struct import Struct

from streams import saved_windows
from streams.column import Column
from streams.delayed import DelayedHistory, RatedHistory
from streams.exact import PrefixSums
from streams.feature import Windows
from streams.reading import reading
from streams.saved_windows import Pages
from streams.stage import Saved
from streams.windows import History

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
    """Compiled from `windows` of one entity and one delay. `fields` are those that its histories hold, in order."""

    def __init__(self, name: str, windows: Sequence[Windows]) -> None:
        self.entity = windows[0].entity
        self.fields = tuple(sorted({a.field for each in windows for a in each.aggregates if a.field is not None}))
        self.rated = any(aggregate.verb == "rate" for each in windows for aggregate in each.aggregates)
        self.width = sum(len(each.names) for each in windows)
        self._saved_as = b"w/%s/" % name.encode()
        self._delay_ms = windows[0].delay_ms
        self._columns = [Column if name in _rich(windows) else PrefixSums for name in self.fields]
        self._spans_ms = tuple(sorted({span for each in windows for span in each.spans_ms}))
        self.reads = tuple(
            reading(aggregate, [self._spans_ms.index(span) for span in each.spans_ms], self.fields, each.delay_ms)
            for each in windows
            for aggregate in each.aggregates
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

    def changing(self, state: WindowState, key: str, time_ms: int) -> History:
        """The history of a key, which is about to change; a new one, where an event at `time_ms` is the first."""
        state.changed[key] = None
        history = state.histories.get(key)
        if history is None:
            history = state.histories[key] = self._new()
            heappush(state.deadlines, (time_ms + self.kept_ms, key))
        elif isinstance(history, bytes):
            written, history = history, self._new()
            history.read(written)
            state.histories[key] = history
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
        rated, numbers = int(self.rated), 1 + len(self.fields)
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


def _rich(windows: Sequence[Windows]) -> set[str | None]:
    """The fields of which more is asked than sums and single values."""
    return {a.field for each in windows for a in each.aggregates if a.verb in ("min", "max", "variance")}
