"""Sums of floats without rounding, over any run of a row: order does not matter, what leaves leaves nothing behind."""

from array import array
from collections.abc import Iterable

FINEST = 64
"""Sums start in units of 2**-64: an amount of a few digits needs no finer one."""

UNIT = 2.0**-FINEST
UNITS = 2.0**FINEST


class PrefixSums:
    """The exact sums of all prefixes of a row of floats, so that the sum of any run is one subtraction.

    `values` is the row itself. The sums are held as integers in units of `1 / scale`, a power of two; a finer value
    makes the unit finer for all. Python rounds the quotient of two integers correctly, so `sum(i, j)` equals
    `math.fsum(row[i:j])`.

    >>> row = PrefixSums([1e100, 1.0, -1e100])
    >>> row.sum(0, 3)
    1.0
    """

    __slots__ = ("exponent", "prefix", "scale", "values")

    def __init__(self, values: Iterable[float] = ()) -> None:
        self.exponent = FINEST
        self.scale = 1 << FINEST
        self.prefix = [0]
        self.values = array("d")
        for value in values:
            self.append(value)

    def append(self, x: float) -> None:
        """Add a finite `x` to the end of the row."""
        units = x * UNITS  # exact, or infinite
        step = int(units) if self.exponent == FINEST and units.is_integer() else self._units(x)
        prefix = self.prefix
        prefix.append(prefix[-1] + step)
        self.values.append(x)

    def insert(self, at: int, x: float) -> None:
        """Put a finite `x` before the value at index `at`; costs as much as there are values behind it."""
        step = self._units(x)
        self.values.insert(at, x)
        prefix = self.prefix
        prefix[at + 1 :] = [prefix[at] + step, *(each + step for each in prefix[at + 1 :])]

    def remove(self, at: int) -> None:
        """Take the value at index `at` out of the row."""
        prefix = self.prefix
        step = prefix[at + 1] - prefix[at]
        del self.values[at]
        prefix[at + 1 :] = [each - step for each in prefix[at + 2 :]]

    def forget(self, count: int) -> None:
        """Drop the first `count` values."""
        del self.prefix[:count]
        del self.values[:count]

    def sum(self, start: int, end: int) -> float:
        """The sum of `row[start:end]`, correctly rounded. Raises `OverflowError` beyond the largest float."""
        return self.sums((start,), end)[0]

    def sums(self, starts: Iterable[int], end: int) -> list[float]:
        """The sum of `row[start:end]` for each start."""
        prefix, scale = self.prefix, self.scale
        until = prefix[end]
        return [(until - prefix[start]) / scale for start in starts]

    def means(self, starts: Iterable[int], end: int) -> list[float]:
        """The mean of `row[start:end]`, which must not be empty, for each start; rounded once."""
        prefix, scale = self.prefix, self.scale
        until = prefix[end]
        if self.exponent == FINEST:
            try:
                return [(until - prefix[start]) / (end - start) * UNIT for start in starts]  # rounded once: by `/`
            except OverflowError:  # beyond the largest float as units, not as means
                pass
        return [(until - prefix[start]) / (scale * (end - start)) for start in starts]

    def _units(self, x: float) -> int:
        numerator, denominator = x.as_integer_ratio()
        finer = denominator.bit_length() - 1 - self.exponent
        if finer > 0:
            self._refine(finer)
            return numerator
        return numerator << -finer

    def _refine(self, bits: int) -> None:
        """Make the unit of all sums `2**bits` times finer."""
        self.prefix = [each << bits for each in self.prefix]
        self.exponent += bits
        self.scale <<= bits
