"""What is said of numbers."""

import numpy as np

from infra.profile.model import Bar, Numbers
from streams.monitor.column import QUANTILES, Floats, usable

BARS = 30
_DRAWN = (0.005, 0.995)


def numbers(values: Floats) -> Numbers | None:
    """Figures of the usable ones among `values`, those of the rows that have one; None where there are none."""
    kept, unusable = usable(values)
    if not len(kept):
        return None
    bars = histogram(kept)
    return Numbers(
        unusable=unusable,
        zeros=int((kept == 0.0).sum()),
        negative=int((kept < 0.0).sum()),
        low=float(kept.min()),
        high=float(kept.max()),
        mean=float(kept.mean()),
        deviation=float(kept.std()),
        quantiles=quantiles(kept),
        bars=bars,
        below=int((kept < bars[0].low).sum()),
        above=int((kept > bars[-1].high).sum()),
    )


def quantiles(kept: Floats) -> dict[str, float]:
    """The quantiles that the monitor knows, of all numbers."""
    return dict(zip(QUANTILES, np.quantile(kept, list(QUANTILES.values())).tolist(), strict=True))


def histogram(kept: Floats) -> tuple[Bar, ...]:
    """A bar per number where there are at most `BARS`; else of equal width, without the rarest at both ends."""
    values, counts = np.unique(kept, return_counts=True)
    if len(values) <= BARS:
        return tuple(Bar(low=value, high=value, count=count) for value, count in zip(values, counts, strict=True))
    low, high = np.quantile(kept, _DRAWN)
    if not low < high:
        low, high = values[0], values[-1]
    counts, edges = np.histogram(kept, bins=BARS, range=(low, high))
    return tuple(
        Bar(low=begin, high=end, count=count) for begin, end, count in zip(edges[:-1], edges[1:], counts, strict=True)
    )
