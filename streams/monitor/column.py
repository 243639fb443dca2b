"""The statistics of one column of numbers over one window."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from datasketches import tdigest_double
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LARGEST = 1e150
"""Beyond it squares overflow: such a value counts as missing, as NaN and infinity do."""
COMPRESSION = 100
QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}


@dataclass(slots=True)
class Column:
    """Count, moments, extremes and a quantile sketch, folded chunk by chunk.

    Within a chunk numpy sums in its own fixed order; chunks are merged in their order (Chan, Golub and LeVeque, 1979).
    The sketch is the t-digest (Dunning, 2019) of Apache DataSketches, which reads it in Java, C++ and Python. Its KLL
    sketch draws random bits from a generator that Python cannot seed; the t-digest is deterministic. It is compressed
    after each chunk, so that writing and reading it back between chunks changes nothing.
    """

    count: int = 0
    missing: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")
    digest: Any = field(default_factory=lambda: tdigest_double(COMPRESSION))

    def add(self, values: Floats) -> Floats:
        """Fold a chunk and return what of it is usable: finite and within ±`LARGEST`."""
        usable = values[np.abs(values) <= LARGEST]
        self.missing += len(values) - len(usable)
        if len(usable):
            self._add_moments(usable)
            self.low = min(self.low, float(usable.min()))
            self.high = max(self.high, float(usable.max()))
            self.digest.update(usable)
            self.digest.compress()
        return usable

    def _add_moments(self, usable: Floats) -> None:
        size, mean = len(usable), float(usable.mean())
        deviations = usable - mean
        total, apart = self.count + size, mean - self.mean
        self.squares += float((deviations * deviations).sum()) + apart * apart * self.count * size / total
        self.mean += apart * size / total
        self.count = total

    def values(self) -> dict[str, float]:
        """Named statistics, none where nothing was usable. `variance` divides by the count, so that it can be merged."""
        if self.count == 0:
            return {}
        found = {"mean": self.mean, "variance": self.squares / self.count, "min": self.low, "max": self.high}
        quantiles = {name: float(self.digest.get_quantile(rank)) for name, rank in QUANTILES.items()}
        return found | quantiles

    def sketch(self) -> bytes | None:
        """The t-digest in Apache DataSketches' format; none where nothing was usable."""
        return bytes(self.digest.serialize()) if self.count else None
