"""Aggregates over windows of event time, as plain values: what a definition asks of the events of an entity."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from schemas.duration import duration_ms
from schemas.problem import Problem

Verb = Literal["count", "sum", "mean", "min", "max", "variance", "quantile", "distinct", "last", "since", "rate"]
NEVER_OF_NOTHING = ("mean", "min", "max", "variance", "quantile")
"""These have no value of no event, which a window that holds the event itself never meets."""

OF_LATER = ("last", "since")
"""These look at the events before the event itself, wherever the window ends."""

Among = Literal["all", "labelled"]
Kind = Literal["exact", "tiled", "decayed"]
GIVEN = {
    "tiled": ("count", "sum", "mean", "min", "max", "variance", "rate", "quantile", "distinct"),
    "decayed": ("mean",),
}
"""What windows that do not hold their events can give."""

TILES = 24
"""Into so many tiles the shortest window of an `over(tile="auto")` is divided."""

Filter = Callable[[Any], bool]

EVERYTHING = "*"
"""The entity of windows over all events, and their key: no field is called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """One verb over one field (none for count, since and rate); `default` is its value where a window holds nothing."""

    verb: Verb
    field: str | None = None
    default: float | None = None
    among: Among = "all"
    q: str = ""

    @property
    def of_none(self) -> float:
        """The default as a float, as which it need not be written (`False`, a number of numpy's); 0 without one."""
        return 0.0 if self.default is None else float(self.default)

    def named(self, entity: str, span: str) -> str:
        among = "labelled" if self.among == "labelled" else None
        verb = f"q{self.q[2:]:0<2}" if self.verb == "quantile" else self.verb
        parts = ("all" if entity == EVERYTHING else entity, self.field, verb, among, span)
        return ".".join(part for part in parts if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Windows:
    """Aggregates over `spans` of event time per value of `entity`.

    A window is `(t - span, t]`, the event at `t` `itself` counted or not; with a `delay` it is
    `(t - delay - span, t - delay]`. Where there is a filter `where`, it holds the events of which that is true. Of the
    kinds "exact" ones hold their events, the newest `most` of a key, "tiled" ones sums per tile, and what is "decayed"
    has half-lives for spans.

    >>> from streams import per
    >>> per("customer_id").over("1d", "7d").count().mean("amount").names
    ('customer_id.count.1d', 'customer_id.count.7d', 'customer_id.amount.mean.1d', 'customer_id.amount.mean.7d')
    >>> per("terminal_id").over("1d", delay="7d").rate("label").names
    ('terminal_id.rate.1d.delay_7d',)
    """

    entity: str
    spans: tuple[str, ...]
    delay: str | None = None
    itself: bool = True
    where: Filter | None = None
    kind: Kind = "exact"
    tile: str | None = None
    most: int | None = None
    aggregates: tuple[Aggregate, ...] = ()

    def count(self) -> "Windows":
        """How many events."""
        return self._and(Aggregate(verb="count"))

    def sum(self, field: str) -> "Windows":
        """The exact sum of `field`, correctly rounded."""
        return self._and(Aggregate(verb="sum", field=field))

    def mean(self, field: str, *, default: float | None = None) -> "Windows":
        """The exact mean of `field`, correctly rounded; `default` of no event, where a window may hold none."""
        return self._and(Aggregate(verb="mean", field=field, default=default))

    def rate(self, of: str, *, among: Among = "all", default: float = 0.0) -> "Windows":
        """The share of the events in the window whose label is known to be true when the event comes.

        `of` is "label", that of a binary pipeline. Its share is `among` all events of the window, or among those that
        are "labelled" by then. A label counts once, at the time of its event, and the first one stands. With a filter
        both are of the events of which it is true.
        """
        if of != "label":
            raise Problem(f'rate({of!r}): only labels have a rate, write rate("label"); that of a field is its mean')
        if among not in get_args(Among):
            raise Problem(f'rate("label", among={among!r}): write "all" or "labelled"')
        return self._and(Aggregate(verb="rate", among=among, default=default))

    def min(self, field: str, *, default: float | None = None) -> "Windows":
        """The least value of `field`; `default` of no event, where a window may hold none."""
        return self._and(Aggregate(verb="min", field=field, default=default))

    def max(self, field: str, *, default: float | None = None) -> "Windows":
        """The greatest value of `field`; `default` of no event, where a window may hold none."""
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

    def quantile(self, field: str, q: str, *, default: float | None = None) -> "Windows":
        """The least value of `field` with a share of at least `q`, such as "0.9", of the values at most as great.

        The first definition of Hyndman and Fan, Sample Quantiles in Statistical Packages (1996); it needs no rounding.
        `default` of no event, where a window may hold none. Of tiles it is cut to eight significant bits, so it is
        nearer to zero by less than 1/128; by 1/64, 1/32 and so on where one tile has values of more than a thousand
        kinds.
        """
        if not (isinstance(q, str) and re.fullmatch(r"0\.\d*[1-9]", q)):
            raise Problem(f'quantile({field!r}, {q!r}): write a share between 0 and 1 as text, as in "0.9"')
        return self._and(Aggregate(verb="quantile", field=field, default=default, q=q))

    def distinct(self, field: str) -> "Windows":
        """How many different values `field` has, which may be text or a number.

        Values are told apart by 64 bits of BLAKE2b: two of a million are taken for one with a probability of 3e-8.
        Of tiles it is an estimate from 256 on, with a standard error of 6 %.
        """
        return self._and(Aggregate(verb="distinct", field=field))

    def _and(self, aggregate: Aggregate) -> "Windows":
        if self.kind != "exact" and aggregate.verb not in GIVEN[self.kind]:
            given = ", ".join(GIVEN[self.kind])
            raise Problem(f"{self.kind} windows give {given}, not {aggregate.verb}: ask it of over(…) without tile=")
        if self.most is not None and aggregate.verb == "rate":
            raise Problem(
                f"over(…, most={self.most}) gives no rate: of events at one time it may hold some, and which of them a "
                f"label is about is not known; ask it of over(…) without most=, or with tile="
            )
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
    def tile_ms(self) -> int:
        """How long a tile is, milliseconds; 0 of windows that are not tiled."""
        if self.kind != "tiled":
            return 0
        return min(self.spans_ms) // TILES if self.tile in (None, "auto") else duration_ms(str(self.tile))

    @property
    def may_be_empty(self) -> bool:
        """Whether a window may hold no event, not even the event itself, whose tile may be forgotten when it comes."""
        return self.delay is not None or self.where is not None or not self.itself or self.kind == "tiled"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for aggregate in self.aggregates for name in self.named(aggregate))

    def named(self, aggregate: Aggregate) -> tuple[str, ...]:
        """The names of one of the aggregates, a span each."""
        until = "" if self.delay is None else f".delay_{self.delay}"
        until += "" if self.most is None else f".most_{self.most}"
        if self.kind == "tiled":
            until += ".tiled" if self.tile == "auto" else f".tile_{self.tile}"
        elif self.kind == "decayed":
            until += ".decayed"
        which = ("" if self.itself else ".before") + (f".{self.where.__name__}" if self.where is not None else "")
        return tuple(aggregate.named(self.entity, span) + until + which for span in self.spans)
