"""The greatest rate that is kept up, by doubling and then by halving what is left."""

from collections.abc import Callable

import numpy as np

from infra.bench.trial import Trial

BISECTIONS = 3
KEPT_UP_MS = 250.0
"""Who keeps up has half of the last payments' scores there within this: no queue grows."""

LAST = 0.25
MOST_PER_S = 64_000


def sustained(keeps_up: Callable[[int], bool], least_per_s: int) -> int:
    """A rate that is kept up, of which a little more is not; 0 where `least_per_s` is not.

    >>> sustained(lambda rate: rate <= 5_000, least_per_s=1_000)
    5000
    """
    if not keeps_up(least_per_s):
        return 0
    low, high = least_per_s, 2 * least_per_s
    while high <= MOST_PER_S and keeps_up(high):
        low, high = high, 2 * high
    for _ in range(BISECTIONS):
        middle = (low + high) // 2
        low, high = (middle, high) if keeps_up(middle) else (low, middle)
    return low


def kept_up(found: Trial) -> bool:
    """Whether scores came as fast as payments, to the end."""
    if not found.whole:
        return False
    return bool(np.median(found.latencies_ms(warm_s=(1 - LAST) * found.lasts_s)) <= KEPT_UP_MS)
