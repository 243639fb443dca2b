"""From an event to the vector that the model sees, with the windows it leaves behind."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from schemas.problem import Problem
from schemas.reject import Reason, Reject
from streams.aggregate import EVERYTHING, Windows
from streams.columns import Column, from_field, from_filter, from_function, marks
from streams.feature import Derived, Feature, Field
from streams.keyed_windows import KeyedWindows, WindowState
from streams.reading import Kept
from streams.stage import Saved


class Features:
    """Compiled from a definition: `vector(states, event, …)` gives the features in their declared order.

    There is a state for each of the `groups` of windows that are held alike, by name. `entities` are the fields whose
    values the keys of an event are, in the order in which they are first named. The windows of an event are as of its
    own time, and whole where it is late by no more than `lateness_ms`.
    """

    def __init__(self, features: Sequence[Feature], lateness_ms: int = 0) -> None:
        self._features = features
        self.names = tuple(name for feature in features for name in feature.names)
        windows = [feature for feature in features if isinstance(feature, Windows)]
        self.entities = tuple(dict.fromkeys(each.entity for each in windows if each.entity != EVERYTHING))
        self.over_everything = any(each.entity == EVERYTHING for each in windows)
        self._groups = tuple(KeyedWindows(name, each, lateness_ms) for name, each in _grouped(windows).items())
        self.groups = tuple(group.name for group in self._groups)
        kept = sorted({each for group in self._groups for each in group.kept})
        self._columns = tuple(marks(each.field) if each.marked else from_field(Field(each.field)) for each in kept)
        self._plain = tuple(_plain(feature) for feature in features if not _of_others(feature))
        self._filters = [(place, from_filter(group.where)) for place, group in enumerate(self._groups) if group.where]
        keyed = (*self.entities, EVERYTHING)  # the key of all events comes behind those of one
        self._parts = [
            (place, group, keyed.index(group.entity), _picks(group, kept)) for place, group in enumerate(self._groups)
        ]
        computed = _computed(features)
        names = [self.names[declared] for declared in computed]
        self._composed = [
            (from_function(each), [names.index(name) for name in each.of])
            for each in features
            if isinstance(each, Derived) and each.of
        ]
        in_order = computed == sorted(computed)
        self._order = None if in_order else sorted(range(len(computed)), key=computed.__getitem__)

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
        outside = [place for place, holds in self._filters if not holds(event)]
        keys = (*keys, EVERYTHING)
        place = -1
        try:
            for place, group, entity, picks in self._parts:
                key = keys[entity]
                if place in outside:
                    history, reads = group.held(states[place], key), group.looks
                    starts, end = history.look(time_ms)
                else:
                    history, reads = group.changing(states[place], key, time_ms), group.reads
                    picked = values if picks is None else [values[i] for i in picks]
                    if group.look_first:
                        starts, end = history.look(time_ms)
                        vector += [each for look in group.looks for each in look(history, starts, end, time_ms)]
                        reads = ()
                    starts, end = history.add(time_ms, picked)
                for read in reads:
                    vector += read(history, starts, end, time_ms)
            for compute, places in self._composed:
                vector.append(compute(*[vector[i] for i in places]))
        except (OverflowError, Reject) as error:
            for added, group, entity, _ in self._parts[: place + 1]:
                if added not in outside:
                    group.take_back(states[added], keys[entity], time_ms)
            if isinstance(error, Reject):
                raise
            raise Reject(Reason.NOT_FINITE, "a windowed sum is beyond the largest float") from error
        return vector if self._order is None else [vector[i] for i in self._order]

    def apart(self, states: Sequence[WindowState], keys: Sequence[str], watermark_ms: int) -> list[WindowState]:
        """What a vector of these keys depends on once the watermark is there, to be used up: `states` stay."""
        keys = (*keys, EVERYTHING)
        return [group.apart(states[place], keys[entity], watermark_ms) for place, group, entity, _ in self._parts]

    def label(self, states: Sequence[WindowState], keys: Sequence[str], time_ms: int, *, positive: bool) -> None:
        """The label of the event with these keys and time has become known."""
        keys = (*keys, EVERYTHING)
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
        names = (name for feature in self._features if not _of_others(feature) for name in feature.names)
        for name, value in zip(names, plain, strict=True):
            if not isfinite(value):
                raise Reject(Reason.NOT_FINITE, f"feature {name} is {value}")
        for value in values:
            if not isfinite(value):
                raise Reject(Reason.NOT_FINITE, f"a windowed field is {value}")


def _group(windows: Windows) -> str:
    """Windows of one group share histories."""
    delay = "" if windows.delay is None else f".delay_{windows.delay_ms}"
    where = "" if windows.where is None else f".where:{windows.where.__name__}"
    if windows.kind == "exact":
        return windows.entity + delay + where
    tile = f"tile_{windows.tile_ms}" if windows.kind == "tiled" else "decayed"
    return f"{windows.entity}.{tile}{delay}{where}" + ("" if windows.itself else ".before")


def _grouped(windows: Sequence[Windows]) -> dict[str, list[Windows]]:
    """Windows by their group. Raises `Problem` where two filters have one name."""
    groups: dict[str, list[Windows]] = {}
    for each in windows:
        group = groups.setdefault(_group(each), [])
        group.append(each)
        if each.where is not None and each.where is not group[0].where:
            raise Problem(f"two filters are called {each.where.__name__}: give one of them another name")
    return groups


def _picks(group: KeyedWindows, kept: Sequence[Kept]) -> Sequence[int] | None:
    """Where what a group keeps stands among all that is; None where it is all of that."""
    return None if len(group.kept) == len(kept) else [kept.index(each) for each in group.kept]


def _plain(feature: Feature) -> Column:
    return from_function(feature) if isinstance(feature, Derived) else from_field(feature)  # type: ignore[arg-type]


def _of_others(feature: Feature) -> bool:
    """Whether more than the event decides what the feature is."""
    return isinstance(feature, Windows) or (isinstance(feature, Derived) and bool(feature.of))


def _computed(features: Sequence[Feature]) -> list[int]:
    """Where the values of a vector are declared, in the order in which they are computed.

    First those of the event alone, then group after group of windows, then what is derived of other features.
    """
    groups = list(_grouped([feature for feature in features if isinstance(feature, Windows)]))
    ranks: list[int] = []
    for each in features:
        last = 1 + len(groups) if _of_others(each) else 0
        rank = 1 + groups.index(_group(each)) if isinstance(each, Windows) else last
        ranks += [rank] * len(each.names)
    return sorted(range(len(ranks)), key=ranks.__getitem__)
