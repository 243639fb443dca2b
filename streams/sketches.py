"""What tiles keep of many values in little space: which are different, and how they are spread.

Both sketches depend on what was added alone, never on its order or on how it was divided among tiles: that of several
tiles is that of all their values. Each is bytes, and empty bytes hold nothing.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import itemgetter
from struct import Struct

import numpy as np
from numpy.typing import NDArray

MOST_MARKS = 256
"""Different values up to which they are counted one by one, fewer than these."""

MOST_BUCKETS = 1_024
"""Different buckets in a tile; where there are more, all of it is kept one bit less precisely."""

_DROPPED = 45
"""Bits of a float that no bucket keeps: 19 are left, the exponent and eight significant ones."""

_FLOAT, _BITS = Struct("<d"), Struct("<q")
_MARKS, _MARKS_BELOW = 2**64, 2**63


def with_mark(marks: bytes, mark: int) -> bytes:
    """The least of the marks that were added, whole numbers of 64 bits that are spread evenly, in ascending order."""
    held = array("q", marks)
    at = bisect_left(held, mark)
    if at == MOST_MARKS or (at < len(held) and held[at] == mark):
        return marks
    held.insert(at, mark)
    del held[MOST_MARKS:]
    return held.tobytes()


def different(tiles: Iterable[bytes]) -> float:
    """How many different marks were added to these tiles; an estimate where there are `MOST_MARKS` or more.

    Its standard error is one of the root of `MOST_MARKS`, 6 %: the k minimum values of Bar-Yossef et al., Counting
    Distinct Elements in a Data Stream (2002), with the unbiased estimate of Beyer et al., On Synopses for
    Distinct-Value Estimation under Multiset Operations (2007). HyperLogLog is smaller, but what libraries estimate of
    it depends on the order in which values were added and sketches merged.
    """
    marks = np.sort(np.frombuffer(b"".join(tiles), np.int64))
    least = marks[np.diff(marks, prepend=~marks[:1]) != 0]
    if len(least) < MOST_MARKS:
        return float(len(least))
    return (MOST_MARKS - 1) * _MARKS / (int(least[MOST_MARKS - 1]) + _MARKS_BELOW + 1)


def with_value(spread: bytes, x: float) -> bytes:
    """How many of the values that were added are in each bucket.

    A bucket is what floats have in common that are equal when cut to their leading bits, so one of them is less than
    1/128 of a value wide, and no logarithm is taken that another machine may round otherwise. As many bits more as
    needed are cut off so that a tile has `MOST_BUCKETS` at most: Epicoco et al., UDDSketch: Accurate Tracking of
    Quantiles in Data Streams (2020).
    """
    cut, buckets, counts = _read(spread)
    bucket = _bucket(x, cut)
    at = bisect_left(buckets, bucket)
    if at < len(buckets) and buckets[at] == bucket:
        counts[at] += 1
    else:
        buckets.insert(at, bucket)
        counts.insert(at, 1)
    while len(buckets) > MOST_BUCKETS:
        cut, buckets, counts = cut + 1, *_merged(buckets, counts)
    return bytes((cut,)) + buckets.tobytes() + counts.tobytes()


def quantile(tiles: Iterable[bytes], share: tuple[int, int]) -> float:
    """The least value with a `share`, a fraction, of values at most as great, cut to the leading bits that are kept.

    Of tiles that hold one value at least.
    """
    spreads = sorted(filter(None, tiles), key=_cut_of)
    most = _cut_of(spreads[-1])
    buckets = np.concatenate(
        [
            _fewer(np.frombuffer(b"".join(spread[1 : _middle(spread)] for spread in alike), np.int32), most - cut)
            for cut, alike in groupby(spreads, _cut_of)
        ]
    )
    order = np.argsort(buckets)
    counts = np.frombuffer(b"".join(spread[_middle(spread) :] for spread in spreads), np.uint32)
    up_to = np.cumsum(counts[order])
    part, whole = share
    rank = -(-part * int(up_to[-1]) // whole)
    return _value(int(buckets[order[np.searchsorted(up_to, rank)]]), most)


def _read(spread: bytes) -> "tuple[int, array[int], array[int]]":
    """How many bits more are cut off, the buckets in ascending order, and how many values are in each."""
    if not spread:
        return 0, array("i"), array("I")
    middle = _middle(spread)
    return _cut_of(spread), array("i", spread[1:middle]), array("I", spread[middle:])


_cut_of: Callable[[bytes], int] = itemgetter(0)


def _middle(spread: bytes) -> int:
    """Where the counts begin."""
    return 1 + len(spread) // 2


def _bucket(x: float, cut: int) -> int:
    bits: int = _BITS.unpack(_FLOAT.pack(abs(x)))[0] >> _DROPPED + cut
    return -bits if x < 0.0 else bits


def _value(bucket: int, cut: int) -> float:
    """What is nearest to zero in the bucket."""
    value: float = _FLOAT.unpack(_BITS.pack(abs(bucket) << _DROPPED + cut))[0]
    return -value if bucket < 0 else value


def _fewer(buckets: NDArray[np.int32], bits: int) -> NDArray[np.int32]:
    """Buckets with so many bits less; what is nearest to zero stays so."""
    fewer: NDArray[np.int32] = np.sign(buckets) * (np.abs(buckets) >> bits)
    return fewer


def _merged(buckets: "array[int]", counts: "array[int]") -> "tuple[array[int], array[int]]":
    """The same values in buckets with one bit less."""
    fewer, first = np.unique(_fewer(np.frombuffer(buckets, np.int32), 1), return_index=True)
    return array("i", fewer.tolist()), array("I", np.add.reduceat(np.frombuffer(counts, np.uint32), first).tolist())
