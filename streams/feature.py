"""What a pipeline's features are: fields, derived values, and aggregates over windows, as plain values."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from schemas.duration import duration_ms
from schemas.problem import Problem

Verb = Literal["count", "sum", "mean", "min", "max", "variance", "last", "since", "rate"]
NEVER_OF_NOTHING = ("mean", "min", "max", "variance")
"""These have no value of no event, which a window up to the event itself never meets."""

Among = Literal["all", "labelled"]


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
    """A number computed by a pure function: `function(event)`, or of the values of features that stand before it.

    Where the function divides by zero, or what it gives is not finite, the `default` stands in; without one the event
    is rejected, as where it fails in any other way.

    >>> Derived("ratio", lambda amount, mean: amount / mean, of=("amount", "customer_id.amount.mean.30d")).names
    ('ratio',)
    """

    name: str
    function: Callable[..., float]
    of: tuple[str, ...] = ()
    default: float | None = None

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One verb over one field (none for count, since and rate); `default` is its value where a window holds nothing."""

    verb: Verb
    field: str | None = None
    default: float | None = None
    among: Among = "all"

    def named(self, entity: str, span: str) -> str:
        among = "labelled" if self.among == "labelled" else None
        parts = (entity, self.field, self.verb, among, span)
        return ".".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Aggregates over `spans` of event time per value of `entity`.

    A window is `(t - span, t]`, the event at `t` itself counted; with a `delay` it is `(t - delay - span, t - delay]`.

    >>> per("customer_id").over("1d", "7d").count().mean("amount").names
    ('customer_id.count.1d', 'customer_id.count.7d', 'customer_id.amount.mean.1d', 'customer_id.amount.mean.7d')
    >>> per("terminal_id").over("1d", delay="7d").rate("label").names
    ('terminal_id.rate.1d.delay_7d',)
    """

    entity: str
    spans: tuple[str, ...]
    delay: str | None = None
    aggregates: tuple[Aggregate, ...] = ()

    def count(self) -> "Windows":
        """How many events."""
        return self._and(Aggregate(verb="count"))

    def sum(self, field: str) -> "Windows":
        """The exact sum of `field`, correctly rounded."""
        return self._and(Aggregate(verb="sum", field=field))

    def mean(self, field: str, *, default: float | None = None) -> "Windows":
        """The exact mean of `field`, correctly rounded; `default` of no event, which only a delayed window may hold."""
        return self._and(Aggregate(verb="mean", field=field, default=default))

    def rate(self, of: str, *, among: Among = "all", default: float = 0.0) -> "Windows":
        """The share of the events in the window whose label is known to be true when the event comes.

        `of` is "label", that of a binary pipeline. Its share is `among` all events of the window, or among those that
        are "labelled" by then. A label counts once, at the time of its event, and the first one stands.
        """
        if of != "label":
            raise Problem(f'rate({of!r}): only labels have a rate, write rate("label"); that of a field is its mean')
        return self._and(Aggregate(verb="rate", among=among, default=default))

    def min(self, field: str, *, default: float | None = None) -> "Windows":
        """The least value of `field`; `default` of no event, which only a delayed window may hold."""
        return self._and(Aggregate(verb="min", field=field, default=default))

    def max(self, field: str, *, default: float | None = None) -> "Windows":
        """The greatest value of `field`; `default` of no event, which only a delayed window may hold."""
        return self._and(Aggregate(verb="max", field=field, default=default))

    def variance(self, field: str, *, default: float | None = None) -> "Windows":
        """The exact population variance of `field`, correctly rounded: 0 of one event, `default` of none."""
        return self._and(Aggregate(verb="variance", field=field, default=default))

    def last(self, field: str, *, default: float) -> "Windows":
        """The value of `field` in the window's last event, before the event itself; `default` where there is none."""
        return self._and(Aggregate(verb="last", field=field, default=default))

    def since(self, *, default: float) -> "Windows":
        """Seconds since the window's last event, before the event itself; `default` where there is none."""
        if self.delay is not None:
            raise Problem(f"per({self.entity!r}).over(delay=…).since(): it looks up to the event, leave the delay out")
        return self._and(Aggregate(verb="since", default=default))

    def distinct(self, field: str) -> NoReturn:
        """Not built yet."""
        raise _not_built(f"distinct({field!r})")

    def _and(self, aggregate: Aggregate) -> "Windows":
        return replace(self, aggregates=(*self.aggregates, aggregate))

    @property
    def spans_ms(self) -> tuple[int, ...]:
        """Lengths of the windows, milliseconds."""
        return tuple(duration_ms(span) for span in self.spans)

    @property
    def delay_ms(self) -> int:
        """How long before an event its windows end, milliseconds."""
        return 0 if self.delay is None else duration_ms(self.delay)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for aggregate in self.aggregates for name in self.named(aggregate))

    def named(self, aggregate: Aggregate) -> tuple[str, ...]:
        """The names of one of the aggregates, a span each."""
        until = "" if self.delay is None else f".delay_{self.delay}"
        return tuple(aggregate.named(self.entity, span) + until for span in self.spans)


@dataclass(frozen=True, slots=True)
class Per:
    """Events that share the value of one field."""

    entity: str

    def over(self, *spans: str, delay: str | None = None, tile: str | None = None) -> Windows:
        """The last `spans` of event time, as in `over("1d", "7d")`; with a `delay`, those that ended so long before."""
        if tile is not None:
            raise _not_built(f"over(tile={tile!r})")
        if not spans:
            raise Problem(f'per({self.entity!r}).over() has no span: write over("1d", "7d")')
        for span in spans:
            if duration_ms(span, f"per({self.entity!r}).over(…) span") == 0:
                raise Problem(f"per({self.entity!r}).over({span!r}): a window needs a length above zero")
        if delay is not None and duration_ms(delay, f"per({self.entity!r}).over(…) delay") == 0:
            raise Problem(f"per({self.entity!r}).over(delay={delay!r}): leave it out for windows up to the event")
        return Windows(entity=self.entity, spans=spans, delay=delay)


def per(entity: str) -> Per:
    """Begin features of all events that share the value of the field `entity`."""
    return Per(entity)


Feature = Field | Derived | Windows


def _not_built(what: str) -> Problem:
    return Problem(f"{what} is not built yet: leave it out")
