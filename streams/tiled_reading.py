"""How each verb is read from the tiles of a key, and means from what decays."""

from collections.abc import Callable, Sequence
from fractions import Fraction

from streams import sketches
from streams.aggregate import Aggregate, Windows
from streams.decayed import Decayed
from streams.reading import Kept, Read, kept_of
from streams.tiles import Layout, Sketched, Tiles

SKETCHED: dict[str, Sketched] = {"distinct": sketches.with_mark, "quantile": sketches.with_value}

Tiled = Callable[[Tiles, int, int, int], float]
"""One window with so many events, at least one: of tiles, after a start, up to an end."""


def layout_of(windows: Sequence[Windows], kept: Sequence[Kept], lateness_ms: int) -> Layout:
    """What tiles must hold for the aggregates of windows that share them."""
    asked = [(aggregate.verb, kept_of(aggregate)) for each in windows for aggregate in each.aggregates]
    fields = list(enumerate(kept))
    summed, squared = {"sum", "mean", "variance"}, {"variance"}
    powers = [
        (place, power)
        for power, verbs in ((1, summed), (2, squared))
        for place, field in fields
        if any((verb, field) in asked for verb in verbs)
    ]
    extremes = [(place, verb == "max") for verb in ("min", "max") for place, field in fields if (verb, field) in asked]
    sketched = [(place, of) for verb, of in SKETCHED.items() for place, field in fields if (verb, field) in asked]
    return Layout(
        tile_ms=windows[0].tile_ms,
        delay_ms=windows[0].delay_ms,
        spans_ms=tuple(sorted({span for each in windows for span in each.spans_ms})),
        powers=tuple(powers),
        extremes=tuple(extremes),
        rated=any(verb == "rate" for verb, _ in asked),
        lateness_ms=lateness_ms,
        sketches=tuple(sketched),
    )


def tiled_reading(windows: Windows, aggregate: Aggregate, layout: Layout, kept: Sequence[Kept]) -> Read:
    """`aggregate` of `windows` over tiles that hold `kept`."""
    places = [layout.spans_ms.index(span_ms) for span_ms in windows.spans_ms]
    default = aggregate.of_none
    of = _tiled(aggregate, layout, kept)

    def read(tiles: Tiles, starts: Sequence[int], end: int, _: int) -> list[float]:
        counts = [tiles.count(0, starts[i], end) for i in places]
        return [of(tiles, n, starts[i], end) if n else default for n, i in zip(counts, places, strict=True)]

    return read


def _tiled(aggregate: Aggregate, layout: Layout, kept: Sequence[Kept]) -> Tiled:
    field = kept_of(aggregate)
    place = 0 if field is None else kept.index(field)
    once = layout.powers.index((place, 1)) if (place, 1) in layout.powers else 0
    match aggregate.verb:
        case "count":
            return lambda _, n, __, ___: float(n)
        case "sum":
            return lambda tiles, _, start, end: tiles.total(once, start, end) / (1 << tiles.exponent)
        case "mean":
            return lambda tiles, n, start, end: tiles.total(once, start, end) / (n << tiles.exponent)
        case "variance":
            return _variance(once, layout.powers.index((place, 2)))
        case "min" | "max":
            column = layout.extremes.index((place, aggregate.verb == "max"))
            return lambda tiles, _, start, end: tiles.extreme(column, start, end)
        case "distinct" | "quantile":
            return _sketch(aggregate, layout.sketches.index((place, SKETCHED[aggregate.verb])))
    return _rate(aggregate)


def _variance(once: int, twice: int) -> Tiled:
    def read(tiles: Tiles, n: int, start: int, end: int) -> float:
        total, squares = tiles.total(once, start, end), tiles.total(twice, start, end)
        return (n * squares - total * total) / (n << tiles.exponent) ** 2

    return read


def _sketch(aggregate: Aggregate, column: int) -> Tiled:
    if aggregate.verb == "distinct":
        return lambda tiles, _, start, end: sketches.different(tiles.sketched(column, start, end))
    share = Fraction(aggregate.q).as_integer_ratio()
    return lambda tiles, _, start, end: sketches.quantile(tiles.sketched(column, start, end), share)


def _rate(aggregate: Aggregate) -> Tiled:
    labelled, default = aggregate.among == "labelled", aggregate.of_none

    def read(tiles: Tiles, n: int, start: int, end: int) -> float:
        of = tiles.count(1, start, end) if labelled else n
        return tiles.count(2, start, end) / of if of else default

    return read


def decayed_reading(windows: Windows, aggregate: Aggregate, half_lives_ms: Sequence[int], kept: Sequence[Kept]) -> Read:
    """Means of `windows` that decay."""
    places = [half_lives_ms.index(span_ms) for span_ms in windows.spans_ms]
    field = kept_of(aggregate)
    value = 0 if field is None else kept.index(field)
    default = aggregate.of_none

    def read(decayed: Decayed, _: Sequence[int], __: int, ___: int) -> list[float]:
        return [decayed.mean(value, i, default) for i in places]

    return read
