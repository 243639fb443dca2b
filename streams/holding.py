"""How the windows of a key are held: exactly, event by event; as tiles; as what decays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from schemas.problem import Problem
from streams.aggregate import Aggregate, Windows
from streams.column import Column, Marks
from streams.decayed import FORGOTTEN_AFTER, SETTLED_AFTER, Decayed
from streams.delayed import DelayedHistory, RatedHistory
from streams.exact import PrefixSums
from streams.reading import Kept, Read, kept_of, reading
from streams.tiled_reading import decayed_reading, layout_of, tiled_reading
from streams.tiles import Tiles
from streams.windows import UNBOUNDED, History

Held = History | Tiles | Decayed

MOST_TILES = 5_000

RICH = ("min", "max", "variance", "quantile")
"""Verbs that ask more of a field than sums and single values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What is `new` for a key, holds `kept` of its events for `kept_ms`, and how its aggregates are read.

    From the first event on they grow for `settles_ms`, then no more.

    `by_copy`: an event cannot be taken out again, so what is held is copied before it changes. `look_first`: windows
    without the event itself are read before it is added.
    """

    new: Callable[[], Held]
    kept: tuple[Kept, ...]
    kept_ms: int
    settles_ms: int
    reads: tuple[Read, ...]
    looks: tuple[Read, ...]
    rated: bool
    by_copy: bool
    look_first: bool


def holding(windows: Sequence[Windows], lateness_ms: int) -> Holding:
    """Of windows of one entity, delay, filter and kind, that are whole as of so late an event, milliseconds."""
    if windows[0].kind == "tiled":
        return _tiled(windows, lateness_ms)
    return _decayed(windows, lateness_ms) if windows[0].kind == "decayed" else _exact(windows, lateness_ms)


def _exact(windows: Sequence[Windows], lateness_ms: int) -> Holding:
    aggregates, kept, spans_ms = _aggregates(windows), _kept(windows), _spans_ms(windows)
    if lateness_ms:
        spans_ms += (spans_ms[-1] + lateness_ms,)  # a window that nothing reads: what is in it is not forgotten
    delay_ms, rated = windows[0].delay_ms, _rated(windows)
    columns = [_column(each, [aggregate for _, aggregate in aggregates]) for each in kept]
    reads, looks = (
        tuple(reading(each, aggregate, spans_ms, kept, added=added) for each, aggregate in aggregates)
        for added in (True, False)
    )
    most = windows[0].most or UNBOUNDED
    new: Callable[[], Held] = partial(History, spans_ms, columns, most=most)
    if rated:
        new = partial(RatedHistory, spans_ms, columns, delay_ms)
    elif delay_ms:
        new = partial(DelayedHistory, spans_ms, columns, delay_ms, most=most)
    return Holding(
        new=new,
        kept=kept,
        kept_ms=delay_ms + spans_ms[-1],
        settles_ms=delay_ms + spans_ms[-1],
        reads=reads,
        looks=looks,
        rated=rated,
        by_copy=False,
        look_first=False,
    )


def _tiled(windows: Sequence[Windows], lateness_ms: int) -> Holding:
    kept = _kept(windows)
    layout = layout_of(windows, kept, lateness_ms)
    if layout.tiles > MOST_TILES:
        raise Problem(f"tile={windows[0].tile!r} makes {layout.tiles:,} tiles per key: {MOST_TILES:,} at most")
    reads = tuple(tiled_reading(each, aggregate, layout, kept) for each, aggregate in _aggregates(windows))
    return Holding(
        new=partial(Tiles, layout),
        kept=kept,
        kept_ms=layout.tiles * layout.tile_ms,
        settles_ms=layout.tiles * layout.tile_ms,
        reads=reads,
        looks=reads,
        rated=layout.rated,
        by_copy=True,
        look_first=not windows[0].itself,
    )


def _decayed(windows: Sequence[Windows], lateness_ms: int) -> Holding:
    kept, half_lives_ms = _kept(windows), _spans_ms(windows)
    reads = tuple(decayed_reading(each, aggregate, half_lives_ms, kept) for each, aggregate in _aggregates(windows))
    return Holding(
        new=partial(Decayed, half_lives_ms, len(kept)),
        kept=kept,
        kept_ms=FORGOTTEN_AFTER * half_lives_ms[-1] + lateness_ms,
        settles_ms=SETTLED_AFTER * half_lives_ms[-1],
        reads=reads,
        looks=reads,
        rated=False,
        by_copy=True,
        look_first=not windows[0].itself,
    )


def _aggregates(windows: Sequence[Windows]) -> list[tuple[Windows, Aggregate]]:
    return [(each, aggregate) for each in windows for aggregate in each.aggregates]


def _kept(windows: Sequence[Windows]) -> tuple[Kept, ...]:
    return tuple(sorted({kept for _, each in _aggregates(windows) if (kept := kept_of(each)) is not None}))


def _spans_ms(windows: Sequence[Windows]) -> tuple[int, ...]:
    return tuple(sorted({span for each in windows for span in each.spans_ms}))


def _rated(windows: Sequence[Windows]) -> bool:
    return any(aggregate.verb == "rate" for _, aggregate in _aggregates(windows))


def _column(kept: Kept, aggregates: Sequence[Aggregate]) -> Callable[[], Any]:
    """What holds it: sums alone, or also the order of the values, or only which are different."""
    if kept.marked:
        return Marks
    rich = any(a.field == kept.field and a.verb in RICH for a in aggregates)
    return Column if rich else PrefixSums
