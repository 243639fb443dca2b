"""Vectors by definition: what was seen of each key, looked at again for each event."""

from bisect import insort
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from math import isfinite
from operator import attrgetter
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from infra.skew.verbs import Seen, evaluate
from streams.feature import Derived, Feature, Field, Windows

LATER_MS = 24 * 60 * 60 * 1_000
"""Events are kept for so much longer than the widest window of their entity, for late events to find them."""

SWEEP_EVERY = 10_000
"""Events between two looks for keys of which nothing is needed any more."""

_time_ms = attrgetter("time_ms")


class Value(NamedTuple):
    """What a feature should be; None where it cannot be computed.

    `sure` unless its window begins where the live path no longer has to hold events, or before the first known one.
    """

    value: float | None
    sure: bool


class Naive:
    """The features of one partition's events, which are given in the order in which they were folded.

    An event belongs to a window `(t - delay - span, t - delay]` by its own time alone; of equal times the one that came
    first stands first. What came later than the event itself is not known yet. Events up to `known_from_ms` may be
    missing; None: none are.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self.known_from_ms: int | None = None
        self._features = features
        windows = [each for each in features if isinstance(each, Windows)]
        self._fields = sorted({a.field for each in windows for a in each.aggregates if a.field is not None})
        self._rated = any(a.verb == "rate" for each in windows for a in each.aggregates)
        self._held_ms: dict[tuple[str, int], int] = {}
        for each in windows:
            group = each.entity, each.delay_ms
            self._held_ms[group] = max(self._held_ms.get(group, 0), each.delay_ms + max(each.spans_ms))
        self._seen: dict[str, defaultdict[str, list[Seen]]] = {each.entity: defaultdict(list) for each in windows}
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

    def add(self, event: Any, event_id: str, time_ms: int) -> Seen:
        """An event that was scored. The windows of later ones may hold it, and its own those that are not delayed."""
        self.watermark(time_ms)
        seen = Seen(event_id, time_ms, {name: float(getattr(event, name)) for name in self._fields})
        for entity, by_key in self._seen.items():
            events = by_key[str(getattr(event, entity))]
            insort(events, seen, key=_time_ms)
            self._forget(entity, events)
        if self._rated:
            self._by_id[event_id] = seen
        self._added += 1
        if self._added % SWEEP_EVERY == 0:
            self._sweep()
        return seen

    def vector(self, event: Any, seen: Seen) -> list[Value]:
        """The features of an event that was added last, in their declared order."""
        told: dict[str, Value] = {}
        inside = cache(partial(self._inside, event, seen.time_ms))
        for feature in self._features:
            if isinstance(feature, Windows):
                told |= self._windows(feature, seen, inside)
            elif isinstance(feature, Field):
                told[feature.name] = Value(_field(feature, event), sure=True)
            else:
                of = [told[name] for name in feature.of]
                given = [each.value for each in of] if feature.of else [event]
                told[feature.name] = Value(_derived(feature, given), sure=all(each.sure for each in of))
        return list(told.values())

    def _inside(self, event: Any, time_ms: int, entity: str, delay_ms: int, span_ms: int) -> list[Seen]:
        """What is in a window, by its definition."""
        end_ms = time_ms - delay_ms
        events = self._seen[entity][str(getattr(event, entity))]
        return [each for each in events if end_ms - span_ms < each.time_ms <= end_ms]

    def _windows(self, windows: Windows, now: Seen, inside: Callable[[str, int, int], list[Seen]]) -> dict[str, Value]:
        told, delay_ms, sure_from_ms = {}, windows.delay_ms, self._sure_from_ms(windows)
        for span_ms, names in zip(windows.spans_ms, _by_span(windows), strict=True):
            events = inside(windows.entity, delay_ms, span_ms)
            sure = now.time_ms - delay_ms - span_ms >= sure_from_ms
            for aggregate, name in zip(windows.aggregates, names, strict=True):
                told[name] = Value(evaluate(aggregate, events, now), sure)
        return {name: told[name] for name in windows.names}

    def _sure_from_ms(self, windows: Windows) -> int:
        """Up to when events may be missing here, or be forgotten where they were served."""
        held_from_ms = self._newest_ms - self._held_ms[windows.entity, windows.delay_ms]
        return held_from_ms if self.known_from_ms is None else max(held_from_ms, self.known_from_ms)

    def _needed_from_ms(self, entity: str) -> int:
        widest_ms = max(held_ms for (of, _), held_ms in self._held_ms.items() if of == entity)
        return self._newest_ms - widest_ms - LATER_MS

    def _forget(self, entity: str, events: list[Seen]) -> None:
        before_ms = self._needed_from_ms(entity)
        count = 0
        while events[count].time_ms <= before_ms and count < len(events) - 1:
            count += 1
        del events[:count]

    def _sweep(self) -> None:
        for entity, by_key in self._seen.items():
            before_ms = self._needed_from_ms(entity)
            for key in [key for key, events in by_key.items() if events[-1].time_ms <= before_ms]:
                del by_key[key]


def _by_span(windows: Windows) -> Iterable[Sequence[str]]:
    """For each span the names of its aggregates."""
    return zip(*map(windows.named, windows.aggregates), strict=True)


def _field(feature: Field, event: Any) -> float | None:
    value = getattr(event, feature.name)
    return feature.default if value is None else float(value)


def _derived(feature: Derived, given: Sequence[Any]) -> float | None:
    """What the user's function gives, or the default that stands in; None where an event would have been rejected."""
    if any(each is None for each in given):
        return None
    try:
        value = float(feature.function(*given))
    except (ZeroDivisionError, OverflowError):
        return feature.default
    except Exception:  # noqa: BLE001 (the user's own function, of which anything may come: it has no value here)
        return None
    return value if isfinite(value) else feature.default
