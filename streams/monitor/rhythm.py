"""The rhythm of the errors: how much larger than the mean they are at each hour of a period."""

from dataclasses import dataclass

import numpy as np

from streams.monitor.buckets import Ints
from streams.monitor.column import Floats

PRIOR = 5.0
"""As many outcomes of mean error does an hour bring in before its own count."""
FLOOR = 0.1


@dataclass(slots=True)
class Rhythm:
    """Factors per cell of a period of label time, from the periods before, each half as heavy as the one after it.

    Errors of nights and days differ on a calm stream, and so do the hours in which frauds are reported and the rest is
    confirmed; ADWIN rightly finds both. Divided by the factor of the hour in which their label came, errors have no
    rhythm left, and their mean stays what it was.
    """

    sums: Floats
    counts: Ints
    factors: Floats | None = None
    turn: int = -1

    @classmethod
    def of(cls, period: int) -> "Rhythm":
        """No rhythm known, of a period of so many cells."""
        return cls(np.zeros(period), np.zeros(period, dtype=np.int64))

    def level(self, cells: Ints, errors: Floats) -> Floats:
        """The errors whose labels came in `cells`, without rhythm; NaN, for none, until a first period has passed."""
        known = ~np.isnan(errors)
        places = cells % len(self.counts)
        np.add.at(self.sums, places[known], errors[known])
        np.add.at(self.counts, places[known], 1)
        return np.full(len(errors), np.nan) if self.factors is None else errors / self.factors[places]

    def advance(self, now: int) -> None:
        """Time comes into cell `now`: after a whole period, learn from what it brought.

        No factor is below `FLOOR`.
        """
        if self.turn < 0:
            self.turn = now + len(self.counts) if self.counts.any() else -1
        if self.turn < 0 or now < self.turn:
            return
        self.turn = now + len(self.counts)
        mean = float(self.sums.sum()) / max(1, int(self.counts.sum()))
        if mean > 0.0:
            found = np.maximum((self.sums / mean + PRIOR) / (self.counts + PRIOR), FLOOR)
            self.factors = found if self.factors is None else (self.factors + found) / 2.0
        self.sums, self.counts = np.zeros_like(self.sums), np.zeros_like(self.counts)
