"""Vectors by definition: what was seen of each key, looked at again for each event."""

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from infra.skew.decay import Decay
from infra.skew.plain import derived_of, field_of
from infra.skew.verbs import Seen, evaluate
from infra.skew.window import Span, group_of, held_from_ms, held_of, key_of, span_of
from streams.aggregate import Filter, Windows
from streams.feature import Feature, Field

LATER_MS = 24 * 60 * 60 * 1_000
"""Events are kept for so much longer than the widest window of their entity, for late events to find them."""

SWEEP_EVERY = 10_000
"""Events between two looks for keys of which nothing is needed any more."""

_time_ms = attrgetter("time_ms")

Inside = Callable[[str, str, Span], list[Seen]]
"""What was seen of a key of an entity in a span of time, in the order of (event time, arrival)."""


class Value(NamedTuple):
    """What a feature should be; None where it cannot be computed.

    `sure` unless its window begins where the live path no longer has to hold events, or before the first known one.
    """

    value: float | None
    sure: bool


class Memory(NamedTuple):
    """Up to how long after its event a label may come, and for how long an event is remembered."""

    labelled_ms: int
    remembered_ms: int


class Naive:
    """The features of one partition's events, which are given in the order in which they were folded.

    An event belongs to a window `(t - delay - span, t - delay]` by its own time alone; of equal times the one that came
    first stands first. What came later than the event itself is not known yet. Events up to `known_from_ms` may be
    missing; None: none are.
    """

    def __init__(self, features: Sequence[Feature], lateness_ms: int = 0, memory: Memory | None = None) -> None:
        self.known_from_ms: int | None = None
        self._memory = memory or Memory(0, 0)
        self._features = features
        windows = [each for each in features if isinstance(each, Windows)]
        asked = [aggregate for each in windows for aggregate in each.aggregates]
        self._numbers = sorted({a.field for a in asked if a.field is not None and a.verb != "distinct"})
        self._texts = sorted({a.field for a in asked if a.field is not None and a.verb == "distinct"})
        self._filters = {each.where for each in windows if each.where is not None}
        self._rated = any(aggregate.verb == "rate" for aggregate in asked)
        self._held = held_of(windows, lateness_ms)
        self._decays = [(each, Decay(each, self._held[group_of(each)])) for each in windows if each.kind == "decayed"]
        self._decayed: dict[str, Value] = {}
        self._of_entity = {each.entity: each for each in windows if each.kind != "decayed"}
        self._needed_ms = {
            entity: LATER_MS + max(self._held[group_of(each)] for each in windows if _is_of(each, entity))
            for entity in self._of_entity
        }
        self._seen: dict[str, defaultdict[str, list[Seen]]] = {each: defaultdict(list) for each in self._of_entity}
        self._by_id: WeakValueDictionary[str, Seen] = WeakValueDictionary()
        self._newest_ms = 0
        self._added = 0

    def watermark(self, time_ms: int) -> None:
        """Event time has come so far."""
        self._newest_ms = max(self._newest_ms, time_ms)

    def label(self, event_id: str, *, positive: bool) -> None:
        """The label of this event is known from now on."""
        seen = self._by_id.get(event_id)
        if seen is not None:
            seen.positive = positive

    def revise(self, event_id: str, time_ms: int, *, positive: bool) -> None:
        """Another label came at this time for an event: it counts from now on where one is known of it and both the
        horizon of labels and what is remembered reach so far."""
        seen = self._by_id.get(event_id)
        if seen is None or seen.positive is None:
            return
        in_time = time_ms <= seen.time_ms + self._memory.labelled_ms
        if in_time and seen.time_ms + self._memory.remembered_ms >= self._newest_ms:
            seen.positive = positive

    def add(self, event: Any, event_id: str, time_ms: int) -> Seen:
        """An event that was scored. The windows of later ones may hold it, and its own those that are not delayed."""
        self.watermark(time_ms)
        seen = self._look_at(event, event_id, time_ms)
        for entity, by_key in self._seen.items():
            events = by_key[key_of(self._of_entity[entity], event)]
            insort(events, seen, key=_time_ms)
            self._forget(entity, events)
        sure = self.known_from_ms is None
        for windows, decay in self._decays:
            values = None if windows.where in seen.outside else seen.values
            told = decay.values(key_of(windows, event), time_ms, self._newest_ms, values)
            self._decayed |= {name: Value(value, sure) for name, value in told.items()}
        if self._rated:
            self._by_id[event_id] = seen
        self._added += 1
        if self._added % SWEEP_EVERY == 0:
            self._sweep()
        return seen

    def _look_at(self, event: Any, event_id: str, time_ms: int) -> Seen:
        return Seen(
            event_id,
            time_ms,
            {name: float(getattr(event, name)) for name in self._numbers},
            {name: _told(getattr(event, name)) for name in self._texts},
            frozenset(where for where in self._filters if not where(event)),
        )

    def vector(self, event: Any, seen: Seen, known: Mapping[str, float] | None = None) -> list[Value]:
        """The features of the event that was added last, in their declared order.

        What is derived of features that are judged elsewhere is of those that are `known`.
        """
        told: dict[str, Value] = {}
        inside = cache(self._inside)
        for feature in self._features:
            if isinstance(feature, Windows) and feature.kind == "decayed":
                told |= {name: self._decayed[name] for name in feature.names}
            elif isinstance(feature, Windows):
                told |= self._windows(feature, key_of(feature, event), seen, inside)
            elif isinstance(feature, Field):
                told[feature.name] = Value(field_of(feature, event), sure=True)
            else:
                of = [told[name] if name in told else Value((known or {})[name], sure=True) for name in feature.of]
                given = [each.value for each in of] if feature.of else [event]
                told[feature.name] = Value(derived_of(feature, given), sure=all(each.sure for each in of))
        return list(told.values())

    def _inside(self, entity: str, key: str, span: Span) -> list[Seen]:
        begin_ms, end_ms = span
        return [each for each in self._seen[entity][key] if begin_ms < each.time_ms <= end_ms]

    def _windows(self, windows: Windows, key: str, now: Seen, inside: Inside) -> dict[str, Value]:
        told, sure_from_ms = {}, self._sure_from_ms(windows)
        newest: set[Seen] = set()
        if windows.most is not None:
            newest = {now, *_through(windows.where, self._seen[windows.entity][key])[-windows.most :]}
        for span_ms, names in zip(windows.spans_ms, _by_span(windows), strict=True):
            span = span_of(windows, span_ms, now.time_ms)
            events = _through(windows.where, inside(windows.entity, key, span))
            if windows.most is not None:
                events = [each for each in events if each in newest]
            if not windows.itself:
                events = [each for each in events if each is not now]
            for aggregate, name in zip(windows.aggregates, names, strict=True):
                told[name] = Value(evaluate(aggregate, events, now, windows.tile_ms), span[0] >= sure_from_ms)
        return {name: told[name] for name in windows.names}

    def _sure_from_ms(self, windows: Windows) -> int:
        """Up to when events may be missing here, or be forgotten where they were served."""
        from_ms = held_from_ms(windows, self._held[group_of(windows)], self._newest_ms)
        return from_ms if self.known_from_ms is None else max(from_ms, self.known_from_ms)

    def _forget(self, entity: str, events: list[Seen]) -> None:
        before_ms = self._newest_ms - self._needed_ms[entity]
        count = 0
        while events[count].time_ms <= before_ms and count < len(events) - 1:
            count += 1
        del events[:count]

    def _sweep(self) -> None:
        for entity, by_key in self._seen.items():
            before_ms = self._newest_ms - self._needed_ms[entity]
            for key in [key for key, events in by_key.items() if events[-1].time_ms <= before_ms]:
                del by_key[key]


def _through(where: Filter | None, events: list[Seen]) -> list[Seen]:
    """The events that a filter leaves in."""
    return events if where is None else [each for each in events if where not in each.outside]


def _is_of(windows: Windows, entity: str) -> bool:
    return windows.entity == entity and windows.kind != "decayed"


def _by_span(windows: Windows) -> Iterable[Sequence[str]]:
    """For each span the names of its aggregates."""
    return zip(*map(windows.named, windows.aggregates), strict=True)


def _told(value: Any) -> str:
    """A value as `distinct` tells it apart: -0.0 is 0.0."""
    return "0.0" if isinstance(value, float) and value == 0.0 else str(value)
