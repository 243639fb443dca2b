"""Windows of one key in constant memory: events are added up by tile of event time, and windows are whole tiles."""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from math import inf
from struct import Struct
from typing import Any

from streams.exact import FINEST
from streams.newest import Size
from streams.windows import Place

WIDTH = 11
"""Bytes of a sum, to begin with: in the units that sums start in, up to 8 million."""

WIDER = 5
"""Bytes that are added at once where that is too few."""

NEVER_MS = -(2**62)

_COUNT = Struct("<I")
COUNT = _COUNT.size
_VALUE = Struct("<d")
_HEAD = Struct("=qHH")
COUNTED = 2**32

NONE: list[bytes] = []
"""The sketches of tiles without any, of which there may be many: one list for all of them."""

Sketched = Callable[[bytes, Any], bytes]
"""What a sketch is with one more value in it."""


@dataclass(frozen=True)
class Layout:
    """What tiles of `tile_ms` hold for windows of `spans_ms` that end `delay_ms` before the event.

    `powers` are the sums, each of a kept value (its place) to the power of 1 or 2; `extremes` the least (False) and
    greatest (True) of kept values; `sketches` what a function makes of them. With `rated` tiles count the labels that
    are known, and the positive ones. They are held so that windows as of an event that is late by `lateness_ms` are
    whole.
    """

    tile_ms: int
    delay_ms: int
    spans_ms: tuple[int, ...]
    powers: tuple[tuple[int, int], ...]
    extremes: tuple[tuple[int, bool], ...]
    rated: bool
    lateness_ms: int = 0
    sketches: tuple[tuple[int, Sketched], ...] = ()

    @cached_property
    def tiles(self) -> int:
        """How many tiles count in a window, or may come into one."""
        before = -(-self.delay_ms // self.tile_ms) + 1 if self.delay_ms else 0
        return self.spans_ms[-1] // self.tile_ms + before + -(-self.lateness_ms // self.tile_ms)

    @cached_property
    def slots(self) -> int:
        """One more than tiles: the sums up to the oldest one are needed too."""
        return self.tiles + 1

    @cached_property
    def counts(self) -> int:
        """How many columns of counts there are: of events, of known labels, of positive ones."""
        return 3 if self.rated else 1

    @cached_property
    def sums_at(self) -> int:
        """Where the sums begin, behind the counts."""
        return COUNT * self.counts * self.slots

    def size(self, width: int) -> int:
        """Bytes of all counts, sums of this width and extremes."""
        return self.sums_at + self.slots * (width * len(self.powers) + _VALUE.size * len(self.extremes))

    @cached_property
    def lengths(self) -> tuple[int, ...]:
        """The windows' lengths in tiles."""
        return tuple(span_ms // self.tile_ms for span_ms in self.spans_ms)


class Tiles:
    """The tiles of one key, the last `layout.tiles` of them, as sums from the beginning up to each.

    So what a window holds is one subtraction, however many tiles it has; extremes and sketches alone are of one tile
    each, and looked for among tiles. An event at `t` is in tile `t // tile_ms`. A window of `n` tiles ends with the
    event's own, so it is a part of `(t - span, t]`, shorter by less than a tile; only that of a late event holds what
    else is in its tile, which may be newer than itself. A delayed one ends with the last tile that was over at
    `t - delay`.
    Panes: Li et al., No Pane, No Gain: Efficient Evaluation of Sliding-Window Aggregates over Data Streams (2005).

    An event that is late by more than all tiles is not counted; late windows hold what tiles are left.
    """

    __slots__ = ("exponent", "layout", "newest_ms", "rows", "sketches", "width")

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.newest_ms = NEVER_MS
        self.exponent, self.width = FINEST, WIDTH
        self.rows = bytearray(self.layout.slots * (COUNT * layout.counts + WIDTH * len(layout.powers)))
        for _, greatest in layout.extremes:
            self.rows += _VALUE.pack(-inf if greatest else inf) * self.layout.slots
        self.sketches = [b""] * (layout.slots * len(layout.sketches)) if layout.sketches else NONE

    def look(self, at_ms: int) -> Place:
        """Between which tiles the windows as of a time are: after each start, up to the end."""
        layout = self.layout
        newest = self.newest_ms // layout.tile_ms
        oldest = newest - layout.tiles
        last = (at_ms - layout.delay_ms) // layout.tile_ms - (1 if layout.delay_ms else 0)
        return [min(max(last - length, oldest), newest) for length in layout.lengths], min(max(last, oldest), newest)

    def add(self, at_ms: int, values: Sequence[float]) -> Place:
        """Add an event; where the windows as of it are."""
        layout = self.layout
        tile = at_ms // layout.tile_ms
        self._move(at_ms, tile)
        newest = self.newest_ms // layout.tile_ms
        if tile > newest - layout.tiles:
            for place, _ in layout.powers:
                self._fit(values[place])
            units = [self._units(values[place]) ** power for place, power in layout.powers]
            for each in range(tile, newest + 1):
                self._count(0, each, 1)
                for column, unit in enumerate(units):
                    self._put(column, each, self._sum(column, each) + unit)
            for column, (place, greatest) in enumerate(layout.extremes):
                here = self._extreme_at(column, tile)
                held = _VALUE.unpack_from(self.rows, here)[0]
                _VALUE.pack_into(self.rows, here, max(held, values[place]) if greatest else min(held, values[place]))
            for column, (place, sketched) in enumerate(layout.sketches):
                here = self._sketch_at(column, tile)
                self.sketches[here] = sketched(self.sketches[here], values[place])
        return self.look(at_ms)

    def label(self, at_ms: int, *, positive: bool, revises: bool = False) -> None:
        """The label of an event at `at_ms` is known, or `revises` another; nothing, where its tile is forgotten."""
        tile, newest = at_ms // self.layout.tile_ms, self.newest_ms // self.layout.tile_ms
        if tile <= newest - self.layout.tiles:
            return
        known = self.count(1, tile - 1, tile)
        if revises:
            positives = self.count(2, tile - 1, tile)
            before = known - positives if positive else positives
        else:
            before = self.count(0, tile - 1, tile) - known
        if before:  # else its event was forgotten with the key
            for each in range(tile, newest + 1):
                self._count(1, each, int(not revises))
                self._count(2, each, int(positive) - int(revises and not positive))

    def count(self, column: int, start: int, end: int) -> int:
        """Of events (0), known labels (1) or positive ones (2) in the tiles after `start` up to `end`."""
        until: int = _COUNT.unpack_from(self.rows, self._count_at(column, end))[0]
        return (until - int(_COUNT.unpack_from(self.rows, self._count_at(column, start))[0])) % COUNTED

    def total(self, column: int, start: int, end: int) -> int:
        """The sum of a column of `layout.powers`, in units of 2**-exponent to its power."""
        return self._sum(column, end) - self._sum(column, start)

    def extreme(self, column: int, start: int, end: int) -> float:
        """Of a column of `layout.extremes`; infinite where the tiles are empty."""
        tiles = range(start + 1, end + 1)
        found: list[float] = [_VALUE.unpack_from(self.rows, self._extreme_at(column, tile))[0] for tile in tiles]
        return max(found) if self.layout.extremes[column][1] else min(found)

    def sketched(self, column: int, start: int, end: int) -> list[bytes]:
        """Of a column of `layout.sketches`, that of each tile."""
        return [self.sketches[self._sketch_at(column, tile)] for tile in range(start + 1, end + 1)]

    def newest_at(self, _size: Size) -> Size | int:
        """At which byte of tiles that were written their newest time stands."""
        return 0

    def write(self) -> bytes:
        """The newest time, how sums are written, and the tiles; then how long each sketch is, and all of them."""
        tiles = _HEAD.pack(self.newest_ms, self.exponent, self.width) + self.rows
        if not self.sketches:
            return tiles
        return b"".join((tiles, array("I", map(len, self.sketches)).tobytes(), *self.sketches))

    def read(self, written: bytes) -> None:
        """Be the tiles that were written."""
        self.newest_ms, self.exponent, self.width = _HEAD.unpack_from(written)
        behind = _HEAD.size + self.layout.size(self.width)
        self.rows = bytearray(written[_HEAD.size : behind])
        if self.sketches:
            lengths = array("I")
            sketches = behind + lengths.itemsize * len(self.sketches)
            lengths.frombytes(written[behind:sketches])
            self.sketches = [written[i:j] for i, j in pairwise(accumulate(lengths, initial=sketches))]

    def _move(self, at_ms: int, tile: int) -> None:
        """Let the newest event be at `at_ms`, in `tile`, if it is newer than all."""
        if at_ms <= self.newest_ms:
            return
        if self.newest_ms != NEVER_MS:
            newest = self.newest_ms // self.layout.tile_ms
            for each in range(max(newest + 1, tile - self.layout.tiles), tile + 1):
                self._begin_tile(each, newest)
        self.newest_ms = at_ms

    def _begin_tile(self, tile: int, newest: int) -> None:
        """Nothing in `tile` yet: the sums up to it are those up to the newest before it."""
        rows, slots, width = self.rows, self.layout.slots, self.width
        to, of = tile % slots, newest % slots
        for column in range(0, self.layout.counts * slots, slots):
            rows[COUNT * (column + to) : COUNT * (column + to + 1)] = rows[
                COUNT * (column + of) : COUNT * (column + of + 1)
            ]
        sums = self.layout.sums_at
        for _ in self.layout.powers:
            rows[sums + width * to : sums + width * (to + 1)] = rows[sums + width * of : sums + width * (of + 1)]
            sums += width * slots
        for column, (_, greatest) in enumerate(self.layout.extremes):
            _VALUE.pack_into(rows, self._extreme_at(column, tile), -inf if greatest else inf)
        self.sketches[to::slots] = [b""] * len(self.layout.sketches)

    def _count_at(self, column: int, tile: int) -> int:
        slots = self.layout.slots
        return COUNT * (column * slots + tile % slots)

    def _sum_at(self, column: int, tile: int) -> int:
        layout = self.layout
        return layout.sums_at + self.width * (column * layout.slots + tile % layout.slots)

    def _extreme_at(self, column: int, tile: int) -> int:
        behind = len(self.layout.extremes) - column
        return len(self.rows) - _VALUE.size * (behind * self.layout.slots - tile % self.layout.slots)

    def _sketch_at(self, column: int, tile: int) -> int:
        slots = self.layout.slots
        return column * slots + tile % slots

    def _count(self, column: int, tile: int, more: int) -> None:
        at = self._count_at(column, tile)
        _COUNT.pack_into(self.rows, at, (_COUNT.unpack_from(self.rows, at)[0] + more) % COUNTED)

    def _sum(self, column: int, tile: int) -> int:
        at = self._sum_at(column, tile)
        return int.from_bytes(self.rows[at : at + self.width], "little", signed=True)

    def _put(self, column: int, tile: int, value: int) -> None:
        while True:
            try:
                written = value.to_bytes(self.width, "little", signed=True)
            except OverflowError:
                self._rewrite(self.width + WIDER, 0)
            else:
                at = self._sum_at(column, tile)
                self.rows[at : at + self.width] = written
                return

    def _fit(self, x: float) -> None:
        """Make the unit of sums as fine as `x` needs it."""
        finer = x.as_integer_ratio()[1].bit_length() - 1 - self.exponent
        if finer > 0:
            self._rewrite(self.width + -(-2 * finer // (8 * WIDER)) * WIDER, finer)

    def _units(self, x: float) -> int:
        """`x` in units of 2**-exponent, which are fine enough."""
        numerator, denominator = x.as_integer_ratio()
        return numerator * ((1 << self.exponent) // denominator)

    def _rewrite(self, width: int, finer: int) -> None:
        """Write all sums in `width` bytes, and in units 2**`finer` times as fine."""
        columns = range(len(self.layout.powers))
        sums = [[self._sum(column, slot) for slot in range(self.layout.slots)] for column in columns]
        begin, end = self._sum_at(0, 0), self._sum_at(len(columns), 0)
        written = b"".join(
            (each << finer * power).to_bytes(width, "little", signed=True)
            for (_, power), each_of in zip(self.layout.powers, sums, strict=True)
            for each in each_of
        )
        self.rows[begin:end] = written
        self.width, self.exponent = width, self.exponent + finer
