"""What is said of values that are counted one by one."""

from collections.abc import Sequence

import numpy as np

from infra.profile.column import ABSENT
from infra.profile.model import Value
from streams.monitor.buckets import Ints

SHOWN = 10
KEPT = 50


def counted(codes: Ints, values: Sequence[str]) -> Ints:
    """How often each value occurs."""
    return np.bincount(codes[codes != ABSENT], minlength=len(values)).astype(np.int64)


def top(counts: Ints, values: Sequence[str], limit: int = SHOWN) -> tuple[Value, ...]:
    """The most frequent values that occur, equally frequent ones in their order."""
    total = int(counts.sum())
    order = np.argsort(-counts, kind="stable")[:limit]
    return tuple(
        Value(value=values[place], count=int(counts[place]), share=int(counts[place]) / total)
        for place in order
        if counts[place]
    )


def folded(codes: Ints, counts: Ints, limit: int = KEPT) -> tuple[Ints, Ints]:
    """Codes of the `limit` most frequent values only, all others `limit` itself; and which values these are."""
    kept = np.argsort(-counts, kind="stable")[:limit]
    place = np.full(len(counts) + 1, len(kept), dtype=np.int64)
    place[kept] = np.arange(len(kept))
    place[ABSENT] = ABSENT
    return place[codes], kept
