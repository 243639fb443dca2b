"""The population stability index: how far a histogram is from a reference, and when that is an alert."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from streams.monitor.buckets import Ints


class Distance(NamedTuple):
    """`raw` as computed, `value` without what chance alone gives, and the shares of the bin that contributes most."""

    raw: float
    value: float
    worst: int
    share: float
    reference_share: float


def distance(counts: Ints, reference: Ints) -> Distance:
    """The population stability index between two histograms over the same bins, neither of them empty.

    `Σ (p − q) ln(p / q)`, Kullback and Leibler's symmetric divergence (Siddiqi, Credit Risk Scorecards, 2006). Bins
    empty on both sides are left out; each other gets half a count more (Krichevsky and Trofimov), so that an empty one
    gives no infinity. Without any drift the index is about `(bins − 1)(1/n + 1/m)`, as `raw / (1/n + 1/m)` is
    chi-squared with `bins − 1` degrees of freedom (Yurdakul and Naranjo, Statistical properties of the population
    stability index, 2020): `value` is the index less that, at least 0.

    >>> round(distance(np.array([500, 500]), np.array([900, 100])).raw, 2)
    0.88
    """
    total, of_reference = int(counts.sum()), int(reference.sum())
    used = (counts > 0) | (reference > 0)
    size = int(used.sum())
    p = np.where(used, counts + 0.5, 1.0) / (total + 0.5 * size)
    q = np.where(used, reference + 0.5, 1.0) / (of_reference + 0.5 * size)
    parts = np.where(used, (p - q) * np.log(p / q), 0.0)
    raw = float(parts.sum())
    most = int(parts.argmax())
    by_chance = (size - 1) * (1.0 / total + 1.0 / of_reference)
    return Distance(raw, max(0.0, raw - by_chance), most, float(p[most]), float(q[most]))


@dataclass(slots=True)
class Crossing:
    """Whether a subject has drifted: `consecutive` windows above the threshold, until as many are calm.

    `latest` is the distance of the last window that could be compared, None before there was one.
    """

    above: int = 0
    calm: int = 0
    drifted: bool = False
    latest: float | None = None

    def step(self, value: float, threshold: float, consecutive: int) -> bool:
        """Take the next window's distance; true at the crossing alone.

        >>> crossing = Crossing()
        >>> [crossing.step(value, 0.25, 2) for value in (0.3, 0.1, 0.3, 0.3, 0.3, 0.1, 0.3, 0.3)]
        [False, False, False, True, False, False, False, False]
        """
        self.latest = value
        if value > threshold:
            self.above, self.calm = self.above + 1, 0
        else:
            self.above, self.calm = 0, self.calm + 1
        if self.drifted and self.calm >= consecutive:
            self.drifted = False
        if self.drifted or self.above < consecutive:
            return False
        self.drifted = True
        return True
