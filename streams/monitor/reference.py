"""What each column looked like in the reference period, hour by hour, and the histograms that follow from it."""

import sys
from dataclasses import dataclass, field

import numpy as np

from streams.monitor.buckets import Buckets, Ints, bucket_of, lower_bound
from streams.monitor.column import Floats


def _no_cells() -> dict[int, Ints]:
    return {}


@dataclass(slots=True)
class Baseline:
    """Counts of one column per cell (a window's length) of one period, over bins fixed when the reference ended.

    `inner` are the edges between the bins; the first and the last bin are open. The last count of a row is that of
    missing values. A `rolling` one, of the score, has one day, and each closed window replaces its cells of it: `fresh`
    holds those of the open window.
    """

    inner: Floats
    counts: Ints
    rolling: bool
    fresh: dict[int, Ints] = field(default_factory=_no_cells)

    def histogram(self, values: Floats, missing: int) -> Ints:
        """Counts of `values` per bin, then `missing`."""
        places = np.searchsorted(self.inner, values, side="right")
        return np.append(np.bincount(places, minlength=len(self.inner) + 1), missing)

    def nothing(self) -> Ints:
        """The histogram of no values."""
        return np.zeros(len(self.inner) + 2, dtype=np.int64)

    def named(self, place: int) -> str:
        """The bin at `place` in words."""
        inner = self.inner
        if place > len(inner):
            return "missing"
        if place == 0:
            return f"below {inner[0]:g}" if len(inner) else "there"
        low = inner[place - 1]
        if place == len(inner):
            return f"{low:g} or more"
        alone = inner[place] == lower_bound(bucket_of(low) + 1)
        return f"{low:g}" if alone else f"from {low:g} up to {inner[place]:g}"

    def edges(self) -> list[float]:
        """All edges; the open ends are the least and the largest float."""
        return [-sys.float_info.max, *self.inner.tolist(), sys.float_info.max]

    def refresh(self, cell: int, counts: Ints) -> None:
        """Note counts of a cell of the open window."""
        self.fresh[cell] = self.fresh[cell] + counts if cell in self.fresh else counts

    def roll(self) -> None:
        """The open window closes: its cells become what the next period is compared with."""
        for cell in sorted(self.fresh):
            self.counts[cell % len(self.counts)] = self.fresh[cell]
        self.fresh = {}

    def between(self, first: int, end: int) -> Ints:
        """Counts of the cells of the period that lie as `[first, end)` does; all of them where that is a period."""
        if end - first >= len(self.counts):
            return np.asarray(self.counts.sum(axis=0))
        return np.asarray(self.counts[np.arange(first, end) % len(self.counts)].sum(axis=0))


def _no_buckets() -> dict[int, list[Buckets]]:
    return {}


@dataclass(slots=True)
class Reference:
    """Gathers `[first, first + period)`, in cells, then is fixed."""

    first: int
    period: int
    gathered: dict[int, list[Buckets]] = field(default_factory=_no_buckets)
    baselines: list[Baseline] | None = None

    @property
    def end(self) -> int:
        return self.first + self.period

    def gather(self, cell: int, columns: list[tuple[Floats, int]]) -> None:
        """Count usable values and missing ones of each column in `cell`; cells outside the period are left out."""
        if self.first <= cell < self.end:
            buckets = self.gathered.setdefault(cell, [Buckets() for _ in columns])
            for bucket, (values, missing) in zip(buckets, columns, strict=True):
                bucket.add(values, missing)

    def fix(self, *, at: int, at_least: int, bins: int, day: int) -> None:
        """End the reference; one with fewer than `at_least` events begins anew at cell `at`.

        The last column, the score, is from then on compared with the day before, of `day` cells.
        """
        cells = [self.gathered[cell] for cell in sorted(self.gathered)]
        if sum(buckets[0].count + buckets[0].missing for buckets in cells) < at_least:
            self.first, self.gathered = at, {}
            return
        columns = len(cells[0])
        fixed = [self._baseline(column, bins, self.period, rolling=False) for column in range(columns - 1)]
        self.baselines = [*fixed, self._baseline(columns - 1, bins, day, rolling=True)]
        self.gathered = {}

    def _baseline(self, column: int, bins: int, period: int, *, rolling: bool) -> Baseline:
        whole = Buckets()
        for cell in sorted(self.gathered):
            whole.merge(self.gathered[cell][column])
        inner = whole.edges(bins)
        counts = np.zeros((period, len(inner) + 2), dtype=np.int64)
        for cell in sorted(self.gathered):
            counts[cell % period] = _rebinned(self.gathered[cell][column], inner)
        return Baseline(inner, counts, rolling)


def _rebinned(buckets: Buckets, inner: Floats) -> Ints:
    """Counts per bin: exact, as each bin is a union of whole buckets."""
    places = np.searchsorted(inner, buckets.lower_bounds(), side="right")
    counts = np.bincount(places, weights=buckets.counts, minlength=len(inner) + 1).astype(np.int64)
    return np.append(counts, buckets.missing)
