"""Each verb by its definition, over a plain list of events: no state, no shortcut, nothing of the live path."""

import struct
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import blake2b
from itertools import count
from math import ceil, fsum
from statistics import pvariance

from schemas.problem import Problem
from streams import sketches
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


def evaluate(aggregate: Aggregate, inside: Sequence[Seen], now: Seen, tile_ms: int = 0) -> float:
    """`aggregate` of the events `inside` a window, which are in the order of (event time, arrival), at the event `now`.

    With a `tile_ms` the window is so many tiles, of which different values and quantiles are less precise. Sums, means
    and variances are exact and rounded once. Raises `Problem` for a verb that has no definition here.
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
        case "distinct" if inside:
            texts = {each.texts[str(aggregate.field)] for each in inside}
            return estimated(texts) if tile_ms else float(len(texts))
        case "sum":
            return total(_values(aggregate, inside))
        case "quantile" if tile_ms and inside:
            return cut(_of_some(aggregate, _values(aggregate, inside)), _bits_of_tiles(aggregate, inside, tile_ms))
    return _of_some(aggregate, _values(aggregate, inside)) if inside else default


def estimated(texts: set[str]) -> float:
    """How many they are, of the least hashes alone where there are many: see `streams.sketches.different`."""
    most = sketches.MOST_MARKS
    if len(texts) < most:
        return float(len(texts))
    hashes = sorted(int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little") ^ 2**63 for text in texts)
    return (most - 1) * 2**64 / (hashes[most - 1] + 1)


def cut(value: float, bits: int) -> float:
    """A float of which its last bits, so many, are zero."""
    (whole,) = struct.unpack(">Q", struct.pack(">d", value))
    (told,) = struct.unpack(">d", struct.pack(">Q", whole >> bits << bits))
    return float(told) + 0.0


def _bits_of_tiles(aggregate: Aggregate, inside: Sequence[Seen], tile_ms: int) -> int:
    """How many bits tiles do not keep: 45, or more if one of them has too many different values."""
    tiles = defaultdict[int, list[float]](list)
    for each, value in zip(inside, _values(aggregate, inside), strict=True):
        tiles[each.time_ms // tile_ms].append(value)
    return max(bits_of(values) for values in tiles.values())


def bits_of(values: Sequence[float]) -> int:
    """How many bits a tile with these values does not keep."""
    return next(bits for bits in count(45) if len({cut(value, bits) for value in values}) <= sketches.MOST_BUCKETS)


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
