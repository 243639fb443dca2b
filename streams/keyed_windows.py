"""The windows of every value of one entity that are held alike: what they give, hold and forget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush

from streams import saved_windows
from streams.aggregate import Filter, Windows
from streams.copied import copied
from streams.delayed import RatedHistory
from streams.holding import Held, holding
from streams.newest import newest_of, newest_of_each
from streams.saved_windows import Pages
from streams.stage import Saved
from streams.tiles import Tiles
from streams.windows import History

LONG = 200
"""Events of a history that is copied quicker than it is written and read back: reading adds all sums up again."""


@dataclass(slots=True)
class WindowState:
    """What is held of every key of the entity, and when each may be forgotten.

    One that was saved and not touched since stays as it was written. `changed` keys have been touched since the last
    save, in order; `pages` is where the others stand. `written` is how the key that changed last stood, where an event
    cannot be taken out of what is held. `before` has, for each fold that is not final, oldest first, how the keys that
    it has changed stood before it.
    """

    histories: dict[str, Held | bytes] = field(default_factory=dict)
    deadlines: list[tuple[int, str]] = field(default_factory=list)
    changed: dict[str, None] = field(default_factory=dict)
    pages: Pages = field(default_factory=Pages)
    written: bytes = b""
    before: list[dict[str, Held | bytes | None]] = field(default_factory=list)


_RATED = (RatedHistory, Tiles)


class KeyedWindows:
    """Compiled from `windows` of one entity, delay and filter. `kept` is what is held of events, in order; `size` is
    how many features they give.

    `reads` give the aggregates where the event itself was added, `looks` where it was not: not at all, or not yet where
    the windows `look_first`.
    """

    def __init__(self, name: str, windows: Sequence[Windows], lateness_ms: int) -> None:
        self.name, self.entity = name, windows[0].entity
        self.size = sum(len(each.names) for each in windows)
        self.where: Filter | None = windows[0].where
        self.bounded = windows[0].most is not None
        self._holding = holding(windows, lateness_ms)
        self.kept, self.kept_ms, self.rated = self._holding.kept, self._holding.kept_ms, self._holding.rated
        self.settles_ms = self._holding.settles_ms
        self.reads, self.looks, self.look_first = self._holding.reads, self._holding.looks, self._holding.look_first
        self._new, self._any = self._holding.new, self._holding.new()
        self._by_copy = self._holding.by_copy
        self._saved_as = b"w/%s/" % name.encode()

    def held(self, state: WindowState, key: str) -> Held:
        """What is held of a key; nothing yet, where there is none."""
        history = state.histories.get(key, b"")
        if isinstance(history, bytes):
            written, history = history, self._new()
            if written:
                history.read(written)
                state.histories[key] = history
        return history

    def cut(self, state: WindowState, key: str) -> bool:
        """Whether windows of a key would hold more events than it may have, where it is `bounded`."""
        history = self.held(state, key)
        return isinstance(history, History) and history.cut

    def changing(self, state: WindowState, key: str, time_ms: int) -> Held:
        """What is held of a key, which is about to change; new, where an event at `time_ms` is the first."""
        state.changed[key] = None
        history = state.histories.get(key)
        if self._by_copy:
            state.written = b"" if history is None else _written(history)
        if state.before and key not in state.before[-1]:
            state.before[-1][key] = None if history is None else self._kept_apart(state, history)
        if history is None:
            history = state.histories[key] = self._new()
            heappush(state.deadlines, (time_ms + self.kept_ms, key))
        elif isinstance(history, bytes):
            return self.held(state, key)
        return history

    def _kept_apart(self, state: WindowState, history: Held | bytes) -> Held | bytes:
        """What is held of the key that is about to change: written, unless it takes long to read that back."""
        if self._by_copy:
            return state.written
        return history.write() if isinstance(history, History) and len(history.times) < LONG else copied(history)

    def apart(self, state: WindowState, key: str, watermark_ms: int) -> WindowState:
        """A state of its own with what is held of `key`, as far as `expire` at the watermark leaves it.

        As it stood before all folds that are not final.
        """
        history = next((each[key] for each in state.before if key in each), state.histories.get(key))
        if history is None:
            return WindowState()
        apart = WindowState({key: copied(history)}, [(self._newest_ms(history) + self.kept_ms, key)])
        self.expire(apart, watermark_ms)
        return apart

    def take_back(self, state: WindowState, key: str, time_ms: int) -> None:
        """Take back the event that was added last to what is held of `key`."""
        if self._by_copy:
            state.histories[key] = state.written
        else:
            history = state.histories[key]
            assert isinstance(history, History)
            if len(history.times) > 1:
                history.take_back(time_ms)
            else:
                state.histories[key] = b""
        if state.histories[key] == b"":
            del state.histories[key]
            state.deadlines.remove((time_ms + self.kept_ms, key))
            heapify(state.deadlines)

    def label(self, state: WindowState, key: str, time_ms: int, *, positive: bool, revises: bool = False) -> None:
        """The label of an event of `key` at `time_ms` is known, or `revises` one; nothing, where no window holds it."""
        if key in state.histories:
            history = self.changing(state, key, time_ms)
            assert isinstance(history, _RATED)
            history.label(time_ms, positive=positive, revises=revises)

    def expire(self, state: WindowState, watermark_ms: int) -> None:
        """Forget keys whose windows are all empty at `watermark_ms`, and stay so."""
        deadlines = state.deadlines
        while deadlines and deadlines[0][0] < watermark_ms:
            _, key = heappop(deadlines)
            deadline_ms = self._newest_ms(state.histories[key]) + self.kept_ms
            if deadline_ms < watermark_ms:
                history = state.histories.pop(key)
                if state.before:
                    state.before[-1].setdefault(key, history)
                state.changed[key] = None
            else:
                heappush(deadlines, (deadline_ms, key))

    def _newest_ms(self, history: Held | bytes) -> int:
        """The newest time of what is held; of what was written without reading the rest."""
        return newest_of(self._any, history) if isinstance(history, bytes) else history.newest_ms

    def save(self, state: WindowState) -> Saved:
        """What is held of the keys that have changed; where it is short it stays as it is written."""
        if self._by_copy:
            for key in state.changed.keys() & state.histories.keys():
                state.histories[key] = _written(state.histories[key])
        for number, page in state.pages.save(state.changed, state.histories):
            yield b"%s%d" % (self._saved_as, number), page
        state.changed = {}

    def restore(self, values: Mapping[bytes, bytes]) -> WindowState:
        """What was saved, to be read when it is touched."""
        histories, pages = saved_windows.restore(values, self._saved_as)
        newest_ms = newest_of_each(self._any, [each for each in histories.values() if isinstance(each, bytes)])
        deadlines = [(each_ms + self.kept_ms, key) for each_ms, key in zip(newest_ms, histories, strict=True)]
        heapify(deadlines)
        return WindowState(histories, deadlines, pages=pages)


def _written(history: Held | bytes) -> bytes:
    return history if isinstance(history, bytes) else history.write()
