"""From an event to the vector that the model sees, with the windows it leaves behind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import isfinite
from typing import Any

from schemas.reject import Reason, Reject
from streams import saved_windows
from streams.feature import Aggregate, Derived, Feature, Field, Windows
from streams.saved_windows import Pages
from streams.stage import Saved
from streams.windows import History, newest_ms

Column = Callable[[Any], float]
Read = Callable[[History, Sequence[int], int], list[float]]


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


class Features:
    """Compiled from a definition: `vector(state, event, …)` gives the features in their declared order."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self._features = features
        self.names = tuple(name for feature in features for name in feature.names)
        windows = [feature for feature in features if isinstance(feature, Windows)]
        self.entity = windows[0].entity if windows else None
        self._spans_ms = tuple(sorted({span for each in windows for span in each.spans_ms}))
        fields = sorted({a.field for each in windows for a in each.aggregates if a.field is not None})
        self._columns = tuple(_field(Field(name)) for name in fields)
        self._plain = tuple(_plain(feature) for feature in features if not isinstance(feature, Windows))
        self._reads = tuple(read for each in windows for read in self._aggregates(each, fields))
        self._order = _order(features)

    @property
    def longest_ms(self) -> int:
        """The length of the longest window; 0 without windows."""
        return self._spans_ms[-1] if self._spans_ms else 0

    def _aggregates(self, windows: Windows, fields: Sequence[str]) -> list[Read]:
        places = tuple(self._spans_ms.index(span) for span in windows.spans_ms)
        return [_read(aggregate, places, fields) for aggregate in windows.aggregates]

    def vector(self, state: WindowState, event: Any, key: str, time_ms: int) -> list[float]:
        """The features of `event`, which is counted in its own windows.

        Raises `Reject`, and leaves `state` as it was, where a field, derived value or sum fails or is not finite.
        """
        vector = [column(event) for column in self._plain]
        values = [column(event) for column in self._columns]
        if not isfinite(sum(vector) + sum(values)):
            self._refuse_not_finite(vector, values)
        if self._reads:
            history = self._history(state, key, time_ms)
            starts, end = history.add(time_ms, values)
            try:
                for read in self._reads:
                    vector += read(history, starts, end)
            except OverflowError as error:
                history.remove(end - 1)
                raise Reject(Reason.NOT_FINITE, "a windowed sum is beyond the largest float") from error
        return vector if self._order is None else [vector[i] for i in self._order]

    def _history(self, state: WindowState, key: str, time_ms: int) -> History:
        """The history of a key that is about to change."""
        state.changed[key] = None
        history = state.histories.get(key)
        if history is None:
            history = state.histories[key] = History(self._spans_ms, len(self._columns))
            heappush(state.deadlines, (time_ms + self._spans_ms[-1], key))
        elif isinstance(history, bytes):
            history = state.histories[key] = History.read(history, self._spans_ms, len(self._columns))
        return history

    def expire(self, state: WindowState, watermark_ms: int) -> None:
        """Forget keys whose windows are all empty at `watermark_ms`."""
        deadlines = state.deadlines
        while deadlines and deadlines[0][0] < watermark_ms:
            _, key = heappop(deadlines)
            deadline_ms = self._deadline_ms(state.histories[key])
            if deadline_ms < watermark_ms:
                del state.histories[key]
                state.changed[key] = None
            else:
                heappush(deadlines, (deadline_ms, key))

    def _deadline_ms(self, history: History | bytes) -> int:
        """When all windows of a key will be empty."""
        newest = newest_ms(history, len(self._columns)) if isinstance(history, bytes) else history.times[-1]
        return newest + self._spans_ms[-1]

    def save(self, state: WindowState) -> Saved:
        """The histories of the keys that have changed."""
        yield from state.pages.save(state.changed, state.histories)
        state.changed = {}

    def restore(self, values: Mapping[bytes, bytes]) -> WindowState:
        """What was saved, to be read when it is touched."""
        histories, pages = saved_windows.restore(values)
        columns, longest_ms = len(self._columns), self.longest_ms
        deadlines = [
            (newest_ms(history, columns) + longest_ms, key)
            for key, history in histories.items()
            if isinstance(history, bytes)
        ]
        heapify(deadlines)
        return WindowState(histories, deadlines, pages=pages)

    def _refuse_not_finite(self, plain: Sequence[float], values: Sequence[float]) -> None:
        names = (name for feature in self._features if not isinstance(feature, Windows) for name in feature.names)
        for name, value in zip(names, plain, strict=True):
            if not isfinite(value):
                raise Reject(Reason.NOT_FINITE, f"feature {name} is {value}")
        for value in values:
            if not isfinite(value):
                raise Reject(Reason.NOT_FINITE, f"a windowed field is {value}")


def _order(features: Sequence[Feature]) -> Sequence[int] | None:
    """Where each value of the vector, plain features first and windows behind them, was declared; None if it is so."""
    places, at = [], 0
    for feature in features:
        places.append((isinstance(feature, Windows), range(at, at + len(feature.names))))
        at += len(feature.names)
    declared = [place for windowed in (False, True) for each, run in places if each is windowed for place in run]
    order = sorted(range(at), key=declared.__getitem__)
    return None if order == list(range(at)) else order


def _plain(feature: Feature) -> Column:
    return _derived(feature) if isinstance(feature, Derived) else _field(feature)  # type: ignore[arg-type]


def _field(feature: Field) -> Column:
    name, default = feature.name, feature.default

    def read(event: Any) -> float:
        value = getattr(event, name)
        if value is None:
            if default is None:
                raise Reject(Reason.INVALID, f"{name} is missing and has no default")
            return default
        try:
            return float(value)
        except OverflowError as error:
            raise Reject(Reason.NOT_FINITE, f"{name} is beyond the largest float") from error

    return read


def _derived(feature: Derived) -> Column:
    name, function = feature.name, feature.function

    def compute(event: Any) -> float:
        try:
            return float(function(event))
        except Exception as error:  # the user's own function, of which anything may come: named and rejected
            message = f"derived feature {name} failed: {type(error).__name__}: {error}"
            raise Reject(Reason.FEATURE_FAILED, message) from error

    return compute


def _read(aggregate: Aggregate, places: Sequence[int], fields: Sequence[str]) -> Read:
    """How to read one aggregate of the windows at `places` from the history of a key."""
    if aggregate.verb == "count":
        return lambda _, starts, end: [float(end - starts[place]) for place in places]
    assert aggregate.field is not None
    column = fields.index(aggregate.field)
    if aggregate.verb == "sum":
        return lambda history, starts, end: history.columns[column].sums([starts[i] for i in places], end)
    return lambda history, starts, end: history.columns[column].means([starts[i] for i in places], end)
