"""One window of event time over scored rows, folded as columns."""

from dataclasses import dataclass, field

import numpy as np

from streams.monitor.buckets import Ints
from streams.monitor.column import Column, Floats, usable
from streams.monitor.reference import Baseline, Reference

CHUNK = 512
"""Rows that are folded at once; part of what the sums mean, as it groups them."""


@dataclass(slots=True)
class Window:
    """The cells `[first, end)`, a cell being a window's length; one column per feature, then the score.

    Rows become columns in chunks of `CHUNK` rows of this window, in the order of arrival, and when it closes: never
    where a batch ends.
    """

    first: int
    end: int
    columns: list[Column]
    bins: list[Ints] | None = None
    count: int = 0
    late: int = 0
    rows: list[list[float]] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)

    @classmethod
    def at(cls, cell: int, columns: int, baselines: list[Baseline] | None) -> "Window":
        """An empty window that begins at `cell`; with histograms where the bins are known."""
        bins = None if baselines is None else [baseline.nothing() for baseline in baselines]
        return cls(cell, cell + 1, [Column() for _ in range(columns)], bins)

    def add(self, time_ms: int, row: list[float], reference: Reference, cell_ms: int) -> None:
        """Take a row: the features, then the score."""
        self.rows.append(row)
        self.times_ms.append(time_ms)
        self.count += 1
        if len(self.rows) == CHUNK:
            self.flush(reference, cell_ms)

    def flush(self, reference: Reference, cell_ms: int) -> None:
        """Fold the rows that wait into the columns, and into the reference while that gathers."""
        if not self.rows:
            return
        matrix = np.array(self.rows, dtype=np.float64).T.copy()
        cells = np.array(self.times_ms, dtype=np.int64) // cell_ms
        self.rows, self.times_ms = [], []
        for column, values in zip(self.columns, matrix, strict=True):
            column.add(*usable(values))
        if reference.baselines is None:
            for cell in np.unique(cells).tolist():
                reference.gather(cell, [usable(values[cells == cell]) for values in matrix])
        elif self.bins is not None:
            for place, baseline in enumerate(reference.baselines):
                self.bins[place] += _histogram(baseline, matrix[place], cells)


def _histogram(baseline: Baseline, values: Floats, cells: Ints) -> Ints:
    """Counts of a chunk; a rolling baseline notes them per cell as well."""
    if not baseline.rolling:
        return baseline.histogram(*usable(values))
    total = baseline.nothing()
    for cell in np.unique(cells).tolist():
        counts = baseline.histogram(*usable(values[cells == cell]))
        baseline.refresh(cell, counts)
        total += counts
    return total
