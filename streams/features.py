"""From an event to the vector that the model sees, with the windows it leaves behind."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from schemas.problem import Problem
from schemas.reject import Reason, Reject
from streams.aggregate import EVERYTHING, Windows
from streams.columns import Column, from_field, from_filter, from_function, marks
from streams.feature import Derived, Feature, Field
from streams.keyed_groups import Groups, Part, Read, picks
from streams.keyed_windows import KeyedWindows, WindowState


class Features(Groups):
    """Compiled from a definition: `vector(states, event, …)` gives the features in their declared order.

    `entities` are the fields whose values the keys of an event are, in the order in which they are first named. The
    windows of an event are as of its own time, and whole where it is late by no more than `lateness_ms`. What one stage
    does at once, several may do one after the other: `read` an event, find what windows `of` each entity give, and
    `compose` the vector of all that. `kept` is what windows keep of events.
    """

    def __init__(self, features: Sequence[Feature], lateness_ms: int = 0) -> None:
        self._features = features
        self.names = tuple(name for feature in features for name in feature.names)
        windows = [feature for feature in features if isinstance(feature, Windows)]
        self.entities = tuple(dict.fromkeys(each.entity for each in windows if each.entity != EVERYTHING))
        self.over_everything = any(each.entity == EVERYTHING for each in windows)
        groups = tuple(KeyedWindows(name, each, lateness_ms) for name, each in _grouped(windows).items())
        self.kept = kept = sorted({each for group in groups for each in group.kept})
        self._columns = tuple(marks(each.field) if each.marked else from_field(Field(each.field)) for each in kept)
        self._plain = tuple(_plain(feature) for feature in features if not _of_others(feature))
        self._filters = [(place, from_filter(group.where)) for place, group in enumerate(groups) if group.where]
        at = {EVERYTHING: -1} | {entity: n for n, entity in enumerate(self.entities)}  # that of all comes last
        super().__init__(
            [Part(place, group, at[group.entity], picks(group, kept)) for place, group in enumerate(groups)]
        )
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
    def settles_ms(self) -> int:
        """For how long counts and means grow from the first event on; 0 without windows."""
        return max((part.group.settles_ms for part in self._parts), default=0)

    def of(self, entity: str) -> Groups:
        """The groups of windows of one entity."""
        return Groups([part for part in self._parts if part.group.entity == entity])

    def read(self, event: Any) -> Read:
        """What an event says alone. Raises `Reject` where a field, derived value or filter fails or is not finite."""
        plain = [column(event) for column in self._plain]
        values = [column(event) for column in self._columns]
        if not isfinite(sum(plain) + sum(values)):
            self._refuse_not_finite(plain, values)
        return Read(plain, values, [place for place, holds in self._filters if not holds(event)])

    def compose(self, plain: Sequence[float], found: Sequence[float]) -> list[float]:
        """The features, of what was read of the event and what all groups have found, in their order.

        Raises `Reject` where what is derived of other features fails or is not finite.
        """
        vector = [*plain, *found]
        for compute, places in self._composed:
            vector.append(compute(*[vector[i] for i in places]))
        return vector if self._order is None else [vector[i] for i in self._order]

    def vector(self, states: Sequence[WindowState], event: Any, keys: Sequence[str], time_ms: int) -> list[float]:
        """The features of `event`. Raises `Reject`, and leaves `states` as they were, as what it is made of does."""
        return self.vector_of(states, self.read(event), keys, time_ms)

    def vector_of(self, states: Sequence[WindowState], read: Read, keys: Sequence[str], time_ms: int) -> list[float]:
        """The same of what was `read` of an event."""
        found = self.found(states, read, keys, time_ms)
        try:
            return self.compose(read.plain, found)
        except Reject:
            self.take_back(states, read, keys, time_ms)
            raise

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
        return windows.entity + delay + where + ("" if windows.most is None else f".most_{windows.most}")
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
