"""The statistics of one column of numbers over one window."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from datasketches import tdigest_double
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LARGEST = 1e150
"""Beyond it squares overflow: such a value counts as missing, as NaN and infinity do."""
COMPRESSION = 100
QUANTILES = {"p01": 0.01, "p05": 0.05, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}


def usable(values: Floats) -> tuple[Floats, int]:
    """What of `values` is finite and within ±`LARGEST`, and how many are not."""
    kept = values[np.abs(values) <= LARGEST]
    return kept, len(values) - len(kept)


@dataclass(slots=True)
class Column:
    """Count, moments, extremes and a quantile sketch, folded chunk by chunk.

    Within a chunk numpy sums in its own fixed order; chunks are merged in their order (Chan, Golub and LeVeque, 1979).
    The sketch is the t-digest (Dunning, 2019) of Apache DataSketches, which reads it in Java, C++ and Python. Its KLL
    sketch draws random bits from a generator that Python cannot seed; the t-digest is deterministic. Here it is kept as
    bytes, written after each chunk, so that the state is plain.
    """

    count: int = 0
    missing: int = 0
    mean: float = 0.0
    squares: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")
    digest: bytes = b""

    def add(self, values: Floats, missing: int) -> None:
        """Fold a chunk of usable values, and how many were not."""
        self.missing += missing
        if len(values):
            self._add_moments(values)
            self.low = min(self.low, float(values.min()))
            self.high = max(self.high, float(values.max()))
            digest = self._digest()
            digest.update(values)
            self.digest = bytes(digest.serialize())

    def _digest(self) -> Any:
        return tdigest_double.deserialize(self.digest) if self.digest else tdigest_double(COMPRESSION)

    def _add_moments(self, values: Floats) -> None:
        size, mean = len(values), float(values.mean())
        deviations = values - mean
        total, apart = self.count + size, mean - self.mean
        self.squares += float((deviations * deviations).sum()) + apart * apart * self.count * size / total
        self.mean += apart * size / total
        self.count = total

    def values(self) -> dict[str, float]:
        """Named statistics, none where nothing was usable. `variance` divides by the count, so it can be merged."""
        if self.count == 0:
            return {}
        found = {"mean": self.mean, "variance": self.squares / self.count, "min": self.low, "max": self.high}
        digest = self._digest()
        quantiles = {name: float(digest.get_quantile(rank)) for name, rank in QUANTILES.items()}
        return found | quantiles

    def sketch(self) -> bytes | None:
        """The t-digest in Apache DataSketches' format; none where nothing was usable."""
        return self.digest or None
