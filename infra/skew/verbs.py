"""Each verb by its definition, over a plain list of events: no state, no shortcut, nothing of the live path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, fsum
from statistics import pvariance

from schemas.problem import Problem
from streams.aggregate import Aggregate, Filter

MS_PER_S = 1_000


@dataclass(slots=True, weakref_slot=True, eq=False)
class Seen:
    """An event that was scored: its fields that windows are over, and its label as soon as that is known.

    `texts` are fields of which different values are counted; `outside` are the filters that it does not pass.
    """

    id: str
    time_ms: int
    values: Mapping[str, float]
    texts: Mapping[str, str] = field(default_factory=dict)
    outside: frozenset[Filter] = frozenset()
    positive: bool | None = None


def evaluate(aggregate: Aggregate, inside: Sequence[Seen], now: Seen) -> float:
    """`aggregate` of the events `inside` a window, which are in the order of (event time, arrival), at the event `now`.

    Sums, means and variances are exact and rounded once. Raises `Problem` for a verb that has no definition here.
    """
    default = 0.0 if aggregate.default is None else aggregate.default
    match aggregate.verb:
        case "count":
            return float(len(inside))
        case "rate":
            of = inside if aggregate.among == "all" else [each for each in inside if each.positive is not None]
            return sum(each.positive is True for each in of) / len(of) if of else default
        case "last" | "since":
            before = [each for each in inside if each is not now]
            return _of_last(aggregate, before[-1], now) if before else default
        case "distinct":
            return float(len({each.texts[str(aggregate.field)] for each in inside})) if inside else default
        case "sum":
            return total(_values(aggregate, inside))
    return _of_some(aggregate, _values(aggregate, inside)) if inside else default


def total(values: Sequence[float]) -> float:
    """The sum, rounded once."""
    try:
        return fsum(values)
    except OverflowError:  # on its way: the sum itself may be finite
        return float(exactly(values))


def exactly(values: Sequence[float]) -> Fraction:
    """The sum, not rounded: what `fsum` has rounded off is summed again, until nothing is left."""
    parts: list[float] = []
    try:
        while rest := fsum([*values, *(-part for part in parts)]):
            parts.append(rest)
    except OverflowError:
        return sum(map(Fraction, values), Fraction())
    return sum(map(Fraction, parts), Fraction())


def _values(aggregate: Aggregate, inside: Sequence[Seen]) -> list[float]:
    name = aggregate.field
    assert name is not None
    return [each.values[name] for each in inside]


def _of_last(aggregate: Aggregate, last: Seen, now: Seen) -> float:
    if aggregate.field is not None:
        return last.values[aggregate.field]
    return (now.time_ms - last.time_ms) / MS_PER_S


def _of_some(aggregate: Aggregate, values: Sequence[float]) -> float:
    """Of one value at least. The standard library's variance of floats is that of fractions, rounded."""
    match aggregate.verb:
        case "mean":
            return float(exactly(values) / len(values))
        case "variance":
            return float(pvariance(values))
        case "min":
            return min(values)
        case "max":
            return max(values)
        case "quantile":
            return sorted(values)[ceil(Fraction(aggregate.q) * len(values)) - 1]
    raise Problem(
        f"the skew check knows no definition of {aggregate.verb!r}: leave the feature out to check the others"
    )
