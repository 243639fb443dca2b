"""From an event to the vector that the model sees, with the windows it leaves behind."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import isfinite
from typing import Any

from schemas.reject import Reason, Reject
from streams.feature import Aggregate, Derived, Feature, Field, Windows
from streams.windows import History

Column = Callable[[Any], float]
Pick = Callable[[History, Sequence[int], int], float]


@dataclass(slots=True)
class WindowState:
    """The histories of every key of the entity, and when each may be forgotten."""

    histories: dict[str, History] = field(default_factory=dict)
    deadlines: list[tuple[int, str]] = field(default_factory=list)


class Features:
    """Compiled from a definition: `vector(state, event, …)` gives the features in their declared order."""

    def __init__(self, features: Sequence[Feature]) -> None:
        self.names = tuple(name for feature in features for name in feature.names)
        windows = [feature for feature in features if isinstance(feature, Windows)]
        self.entity = windows[0].entity if windows else None
        self._spans_ms = tuple(sorted({span for each in windows for span in each.spans_ms}))
        fields = sorted({a.field for each in windows for a in each.aggregates if a.field is not None})
        self._columns = tuple(_field(Field(name)) for name in fields)
        self._plain = tuple((at, _plain(f)) for at, f in _places(features) if not isinstance(f, Windows))
        self._picks = tuple(
            (at + step, pick)
            for at, f in _places(features)
            if isinstance(f, Windows)
            for step, pick in enumerate(self._aggregates(f, fields))
        )

    @property
    def longest_ms(self) -> int:
        """The length of the longest window; 0 without windows."""
        return self._spans_ms[-1] if self._spans_ms else 0

    def _aggregates(self, windows: Windows, fields: Sequence[str]) -> list[Pick]:
        places = [self._spans_ms.index(span) for span in windows.spans_ms]
        return [_pick(aggregate, place, fields) for aggregate in windows.aggregates for place in places]

    def vector(self, state: WindowState, event: Any, key: str, time_ms: int) -> list[float]:
        """The features of `event`, which is counted in its own windows.

        Raises `Reject`, and leaves `state` as it was, where a field, derived value or sum fails or is not finite.
        """
        vector = [0.0] * len(self.names)
        for at, column in self._plain:
            vector[at] = column(event)
        values = tuple([column(event) for column in self._columns])
        if not isfinite(sum(vector) + sum(values)):
            self._refuse_not_finite(vector, values)
        if self._picks:
            history = self._history(state, key, time_ms)
            starts, end = history.add(time_ms, values)
            try:
                for at, pick in self._picks:
                    vector[at] = pick(history, starts, end)
            except OverflowError as error:
                history.remove(end - 1)
                raise Reject(Reason.NOT_FINITE, "a windowed sum is beyond the largest float") from error
        return vector

    def _history(self, state: WindowState, key: str, time_ms: int) -> History:
        history = state.histories.get(key)
        if history is None:
            history = state.histories[key] = History(self._spans_ms, len(self._columns))
            heappush(state.deadlines, (time_ms + self._spans_ms[-1], key))
        return history

    def expire(self, state: WindowState, watermark_ms: int) -> None:
        """Forget keys whose windows are all empty at `watermark_ms`."""
        deadlines = state.deadlines
        while deadlines and deadlines[0][0] < watermark_ms:
            _, key = heappop(deadlines)
            deadline_ms = state.histories[key].times[-1] + self._spans_ms[-1]
            if deadline_ms < watermark_ms:
                del state.histories[key]
            else:
                heappush(deadlines, (deadline_ms, key))

    def _refuse_not_finite(self, vector: Sequence[float], values: Sequence[float]) -> None:
        for name, value in zip(self.names, vector, strict=True):
            if not isfinite(value):
                raise Reject(Reason.NOT_FINITE, f"feature {name} is {value}")
        for value in values:
            if not isfinite(value):
                raise Reject(Reason.NOT_FINITE, f"a windowed field is {value}")


def _places(features: Sequence[Feature]) -> list[tuple[int, Feature]]:
    """Each feature with the place of its first value in the vector."""
    places, at = [], 0
    for feature in features:
        places.append((at, feature))
        at += len(feature.names)
    return places


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


def _pick(aggregate: Aggregate, place: int, fields: Sequence[str]) -> Pick:
    """How to read one aggregate of one window from the history of a key."""
    if aggregate.verb == "count":
        return lambda _, starts, end: float(end - starts[place])
    assert aggregate.field is not None
    column = fields.index(aggregate.field)
    if aggregate.verb == "sum":
        return lambda history, starts, end: history.columns[column].sum(starts[place], end)
    return lambda history, starts, end: history.columns[column].mean(starts[place], end)
