"""Decaying means by definition: their order of arrival is a part of it, so they are carried on and not looked up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from streams.aggregate import Windows

Weighted = tuple[str, int]
"""A field and a half-life, milliseconds."""


@dataclass(slots=True)
class Carried:
    """Of one key as of its newest event: the weight of all events, and the weighted sum of each field."""

    newest_ms: int
    weights: dict[Weighted, float] = field(default_factory=dict)
    sums: dict[Weighted, float] = field(default_factory=dict)


class Decay:
    """An event weighs `2**(-age / half-life)`. A key is forgotten `held_ms` after its newest event."""

    def __init__(self, windows: Windows, held_ms: int) -> None:
        self._windows, self._held_ms = windows, held_ms
        self._fields = sorted({a.field for a in windows.aggregates if a.field is not None})
        self._half_lives_ms = windows.spans_ms
        self._carried: dict[str, Carried] = {}

    def values(self, key: str, time_ms: int, watermark_ms: int, values: Mapping[str, float] | None) -> dict[str, float]:
        """The means of `key` by name at an event with these `values`; None: the windows do not hold it."""
        carried = self._carried.get(key)
        if carried is not None and carried.newest_ms + self._held_ms < watermark_ms:
            carried = None
        before = self._told(carried)
        if values is None:
            return before
        if carried is None:
            carried = self._carried[key] = Carried(time_ms)
        self._add(carried, time_ms, values)
        return self._told(carried) if self._windows.itself else before

    def _add(self, carried: Carried, time_ms: int, values: Mapping[str, float]) -> None:
        apart_ms = abs(time_ms - carried.newest_ms)
        for half_life_ms in self._half_lives_ms:
            weight = 2.0 ** (-apart_ms / half_life_ms)
            old, new = (weight, 1.0) if time_ms >= carried.newest_ms else (1.0, weight)
            for name in self._fields:
                of = name, half_life_ms
                carried.weights[of] = carried.weights.get(of, 0.0) * old + new
                carried.sums[of] = carried.sums.get(of, 0.0) * old + values[name] * new
        carried.newest_ms = max(carried.newest_ms, time_ms)

    def _told(self, carried: Carried | None) -> dict[str, float]:
        told: dict[str, float] = {}
        for aggregate in self._windows.aggregates:
            default = 0.0 if aggregate.default is None else aggregate.default
            for name, half_life_ms in zip(self._windows.named(aggregate), self._half_lives_ms, strict=True):
                of = str(aggregate.field), half_life_ms
                told[name] = carried.sums[of] / carried.weights[of] if carried is not None else default
        return told
