"""Exact counts of numbers in fine buckets of a fixed grid, from which a reference takes its bins."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streams.monitor.column import Floats

Ints = NDArray[np.int64]

_SHIFT = 45  # leaves 7 of the 52 bits of the fraction: 128 buckets per power of two
_ALL_BUT_SIGN = np.int64(0x7FFF_FFFF_FFFF_FFFF)


def bucket_of(values: Floats) -> Ints:
    """The bucket of each value, in the order of the values: 128 per power of two, so at most .8 % wide.

    Every whole number up to 256 begins a bucket of its own, so small counts and flags are told apart exactly.
    The grid is that of HdrHistogram and DDSketch, read off the bits of the float.

    >>> bucket_of(np.array([1.0, 1.001, 2.0])).tolist()
    [130944, 130944, 131072]
    """
    bits = (values + 0.0).view(np.int64)  # + 0.0 makes of -0.0 a 0.0
    return (bits ^ ((bits >> 63) & _ALL_BUT_SIGN)) >> _SHIFT


def lower_bound(buckets: Ints) -> Floats:
    """The least value of each bucket."""
    ordered = buckets << _SHIFT
    return (ordered ^ ((ordered >> 63) & _ALL_BUT_SIGN)).view(np.float64)


def _none() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass(slots=True)
class Buckets:
    """How many values fell into each bucket; adding in any order or grouping gives the same."""

    keys: Ints = field(default_factory=_none)
    counts: Ints = field(default_factory=_none)
    missing: int = 0

    @property
    def count(self) -> int:
        return int(self.counts.sum())

    def add(self, values: Floats, missing: int = 0) -> None:
        """Count finite `values`, and `missing` ones beside them."""
        keys, counts = np.unique(bucket_of(values), return_counts=True)
        self.merge(Buckets(keys, counts.astype(np.int64), missing))

    def merge(self, other: "Buckets") -> None:
        """Add the counts of `other`."""
        keys, place = np.unique(np.concatenate((self.keys, other.keys)), return_inverse=True)
        counts = np.zeros(len(keys), dtype=np.int64)
        np.add.at(counts, place, np.concatenate((self.counts, other.counts)))
        self.keys, self.counts, self.missing = keys, counts, self.missing + other.missing

    def lower_bounds(self) -> Floats:
        """The least value of each bucket that is not empty."""
        return lower_bound(self.keys)

    def edges(self, bins: int) -> Floats:
        """Inner edges of about `bins` bins of equal count, increasing; a bin is `[edge, next edge)`.

        A bucket that holds more than one bin's share stands alone between two edges, so that a constant, a flag or a
        small count has a bin per value. Empty without values.
        """
        if not len(self.keys):
            return np.empty(0)
        upto = np.cumsum(self.counts)
        ranks = upto[-1] * np.arange(1, bins) / bins
        cuts = self.keys[np.searchsorted(upto, ranks, side="right")]
        heavy = self.keys[self.counts * bins > upto[-1]]
        return np.unique(lower_bound(np.concatenate((cuts, heavy, heavy + 1))))
