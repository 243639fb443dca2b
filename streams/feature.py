"""What a pipeline's features are: fields, derived values, and aggregates over windows, as plain values."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, NoReturn

from schemas.duration import duration_ms
from schemas.problem import Problem

Verb = Literal["count", "sum", "mean"]


@dataclass(frozen=True, slots=True)
class Field:
    """A number (or truth value) that stands in the event. A field that may be absent needs a `default`.

    >>> Field("amount").names
    ('amount',)
    """

    name: str
    default: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True)
class Derived:
    """A number computed from the event by a pure function, `function(event) -> float | int | bool`."""

    name: str
    function: Callable[[Any], float]

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One verb over one field (none for count)."""

    verb: Verb
    field: str | None = None

    def named(self, entity: str, span: str) -> str:
        parts = (entity, self.field, self.verb, span)
        return ".".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Aggregates over the last `spans` of event time per value of `entity`: `(t - span, t]`, the event itself counted.

    >>> per("customer_id").over("1d", "7d").count().mean("amount").names
    ('customer_id.count.1d', 'customer_id.count.7d', 'customer_id.amount.mean.1d', 'customer_id.amount.mean.7d')
    """

    entity: str
    spans: tuple[str, ...]
    aggregates: tuple[Aggregate, ...] = ()

    def count(self) -> "Windows":
        """How many events."""
        return self._and(Aggregate(verb="count"))

    def sum(self, field: str) -> "Windows":
        """The exact sum of `field`, correctly rounded."""
        return self._and(Aggregate(verb="sum", field=field))

    def mean(self, field: str) -> "Windows":
        """The exact mean of `field`, correctly rounded."""
        return self._and(Aggregate(verb="mean", field=field))

    def min(self, field: str) -> NoReturn:
        """Not built yet."""
        raise _not_built(f"min({field!r})")

    def max(self, field: str) -> NoReturn:
        """Not built yet."""
        raise _not_built(f"max({field!r})")

    def variance(self, field: str) -> NoReturn:
        """Not built yet."""
        raise _not_built(f"variance({field!r})")

    def distinct(self, field: str) -> NoReturn:
        """Not built yet."""
        raise _not_built(f"distinct({field!r})")

    def last(self, field: str) -> NoReturn:
        """Not built yet."""
        raise _not_built(f"last({field!r})")

    def rate(self, field: str) -> NoReturn:
        """Not built yet."""
        raise _not_built(f"rate({field!r})")

    def _and(self, aggregate: Aggregate) -> "Windows":
        return replace(self, aggregates=(*self.aggregates, aggregate))

    @property
    def spans_ms(self) -> tuple[int, ...]:
        """Lengths of the windows, milliseconds."""
        return tuple(duration_ms(span) for span in self.spans)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(aggregate.named(self.entity, span) for aggregate in self.aggregates for span in self.spans)


@dataclass(frozen=True, slots=True)
class Per:
    """Events that share the value of one field."""

    entity: str

    def over(self, *spans: str, delay: str | None = None, tile: str | None = None) -> Windows:
        """The last `spans` of event time, as in `over("1d", "7d")`."""
        if delay is not None:
            raise _not_built(f"over(delay={delay!r})")
        if tile is not None:
            raise _not_built(f"over(tile={tile!r})")
        if not spans:
            raise Problem(f'per({self.entity!r}).over() has no span: write over("1d", "7d")')
        for span in spans:
            if duration_ms(span, f"per({self.entity!r}).over(…) span") == 0:
                raise Problem(f"per({self.entity!r}).over({span!r}): a window needs a length above zero")
        return Windows(entity=self.entity, spans=spans)


def per(entity: str) -> Per:
    """Begin features of all events that share the value of the field `entity`."""
    return Per(entity)


Feature = Field | Derived | Windows


def _not_built(what: str) -> Problem:
    return Problem(f"{what} is not built yet: windows know count, sum and mean; leave it out")
