"""From an event to the vector that the model sees, with the windows it leaves behind."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

from schemas.reject import Reason, Reject
from streams.feature import Derived, Feature, Field, Windows
from streams.keyed_windows import KeyedWindows, WindowState
from streams.stage import Saved

Column = Callable[[Any], float]


class Features:
    """Compiled from a definition: `vector(states, event, …)` gives the features in their declared order.

    There is a state for each entity and delay that windows are over. `entities` are the fields whose values the keys
    of an event are, in the order in which they are first named.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._features = features
        self.names = tuple(name for feature in features for name in feature.names)
        windows = [feature for feature in features if isinstance(feature, Windows)]
        self.entities = tuple(dict.fromkeys(each.entity for each in windows))
        self._groups = tuple(KeyedWindows(name, each) for name, each in _grouped(windows).items())
        fields = sorted({name for group in self._groups for name in group.fields})
        self._columns = tuple(_field(Field(name)) for name in fields)
        self._plain = tuple(_plain(feature) for feature in features if not isinstance(feature, Windows))
        self._parts = [
            (place, group, self.entities.index(group.entity), _picks(group, fields))
            for place, group in enumerate(self._groups)
        ]
        self._order = _order(features)

    @property
    def kept_ms(self) -> int:
        """How long an event may count in a window; 0 without windows."""
        return max((group.kept_ms for group in self._groups), default=0)

    @property
    def rated(self) -> bool:
        """Whether a feature is about the labels of other events."""
        return any(group.rated for group in self._groups)

    def initial(self) -> list[WindowState]:
        """No event yet."""
        return [WindowState() for _ in self._groups]

    def vector(self, states: Sequence[WindowState], event: Any, keys: Sequence[str], time_ms: int) -> list[float]:
        """The features of `event`, which is counted in its own windows unless they are delayed.

        Raises `Reject`, and leaves `states` as they were, where a field, derived value or sum fails or is not finite.
        """
        vector = [column(event) for column in self._plain]
        values = [column(event) for column in self._columns]
        if not isfinite(sum(vector) + sum(values)):
            self._refuse_not_finite(vector, values)
        try:
            for place, group, entity, picks in self._parts:
                history = group.changing(states[place], keys[entity], time_ms)
                starts, end = history.add(time_ms, values if picks is None else [values[i] for i in picks])
                for read in group.reads:
                    vector += read(history, starts, end)
        except OverflowError as error:
            for failed, group, entity, _ in self._parts[: place + 1]:
                group.take_back(states[failed], keys[entity], time_ms)
            raise Reject(Reason.NOT_FINITE, "a windowed sum is beyond the largest float") from error
        return vector if self._order is None else [vector[i] for i in self._order]

    def label(self, states: Sequence[WindowState], keys: Sequence[str], time_ms: int, *, positive: bool) -> None:
        """The label of the event with these keys and time has become known."""
        for place, group, entity, _ in self._parts:
            if group.rated:
                group.label(states[place], keys[entity], time_ms, positive=positive)

    def expire(self, states: Sequence[WindowState], watermark_ms: int) -> None:
        """Forget keys whose windows are all empty at `watermark_ms`."""
        for group, state in zip(self._groups, states, strict=True):
            group.expire(state, watermark_ms)

    def save(self, states: Sequence[WindowState]) -> Saved:
        """The histories of the keys that have changed."""
        for group, state in zip(self._groups, states, strict=True):
            yield from group.save(state)

    def restore(self, values: Mapping[bytes, bytes]) -> list[WindowState]:
        """What was saved, to be read when it is touched."""
        return [group.restore(values) for group in self._groups]

    def _refuse_not_finite(self, plain: Sequence[float], values: Sequence[float]) -> None:
        names = (name for feature in self._features if not isinstance(feature, Windows) for name in feature.names)
        for name, value in zip(names, plain, strict=True):
            if not isfinite(value):
                raise Reject(Reason.NOT_FINITE, f"feature {name} is {value}")
        for value in values:
            if not isfinite(value):
                raise Reject(Reason.NOT_FINITE, f"a windowed field is {value}")


def _group(windows: Windows) -> str:
    """Windows of one group share histories."""
    return windows.entity if windows.delay is None else f"{windows.entity}.delay_{windows.delay_ms}"


def _grouped(windows: Sequence[Windows]) -> dict[str, list[Windows]]:
    groups: dict[str, list[Windows]] = {}
    for each in windows:
        groups.setdefault(_group(each), []).append(each)
    return groups


def _picks(group: KeyedWindows, fields: Sequence[str]) -> Sequence[int] | None:
    """Where the fields of a group stand among all; None where they are all of them."""
    return None if len(group.fields) == len(fields) else [fields.index(name) for name in group.fields]


def _order(features: Sequence[Feature]) -> Sequence[int] | None:
    """Where each value of the vector, plain features first and group after group behind them, was declared.

    None where they stand in that order already.
    """
    groups = list(_grouped([feature for feature in features if isinstance(feature, Windows)]))
    ranks = [1 + groups.index(_group(each)) if isinstance(each, Windows) else 0 for each in features]
    places = [rank for rank, feature in zip(ranks, features, strict=True) for _ in feature.names]
    computed = sorted(range(len(places)), key=places.__getitem__)
    order = sorted(range(len(places)), key=computed.__getitem__)
    return None if order == list(range(len(places))) else order


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
