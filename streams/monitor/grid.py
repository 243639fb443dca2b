"""The fixed grid of score bins, the same in every partition, window and version."""

import math

import numpy as np

from streams.monitor.column import Floats

WIDEST = 16.0


def inner_edges(bins: int) -> Floats:
    """Edges between `bins` score bins: equal steps of the log-odds from −16 to 16, the first and last bin open.

    Where positives are rare most scores are near 0, and equal steps of the probability would put them into one bin.
    With 1,000 bins the odds within a bin differ by 3 %. Scores of 0 or less share the first bin, of 1 or more the last.

    >>> inner_edges(4).round(4).tolist()
    [0.0003, 0.5, 0.9997]
    """
    steps = (WIDEST * (2.0 * step / bins - 1.0) for step in range(1, bins))
    return np.array([1.0 / (1.0 + math.exp(-log_odds)) for log_odds in steps])
