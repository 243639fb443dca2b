"""The tallies of all windows whose labels may still come."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from streams.monitor.buckets import Ints
from streams.monitor.grade import Graded
from streams.monitor.tally import Tally


class Due(NamedTuple):
    """A tally to be stated: its cell, and whether for the last time."""

    cell: int
    tally: Tally
    final: bool


@dataclass(slots=True)
class Tallies:
    """A tally per cell (a window's length of event time), from `oldest` on. `now` is the cell of the largest time seen.

    At most `horizon` cells and those ahead of `now` are kept.
    """

    now: int = -1
    oldest: int = -1
    cells: dict[int, Tally] = field(default_factory=dict)

    def at(self, cell: int) -> Tally:
        """The tally of `cell`, new if it has none."""
        tally = self.cells.get(cell)
        if tally is None:
            tally = self.cells[cell] = Tally()
        return tally

    def add(self, cells: list[int], place: Ints, graded: Graded, size: int) -> None:
        """Add what was graded: the outcome at `i` belongs to `cells[place[i]]`; `size` is the number of bins.

        Sums are taken in the order of the outcomes, then added to the tally.
        """
        counts = np.bincount(place).tolist()
        sums = {name: np.bincount(place, weights=values).tolist() for name, values in graded.sums.items()}
        for at, cell in enumerate(cells):
            tally = self.at(cell)
            tally.labelled += counts[at]
            for name, values in sums.items():
                tally.sums[name] = tally.sums.get(name, 0.0) + values[at]
            if graded.bins is not None:
                tally.add_bins(graded.bins[place == at], size)

    def advance(self, now: int, horizon: int) -> list[Due]:
        """Time comes into cell `now`: what is to be stated, oldest first. The final ones are forgotten."""
        self.now, self.oldest = now, now - horizon - 1
        due = []
        for cell in sorted(self.cells):
            tally, age = self.cells[cell], now - cell - 1
            final = cell < self.oldest
            if final:
                del self.cells[cell]
            if final or (age >= 0 and tally.due(age)):
                due.append(Due(cell, tally, final))
                tally.mark(age)
        return due
