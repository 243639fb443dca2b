"""What state weighs: builds so much of it in this process and says how its resident memory has grown.

Run as `python -m infra.bench.weigh pending|seen|windows|tiled MANY [EVENTS]`, one process for each figure.
"""

import gc
import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import psutil

from infra.bench.stream import START, START_MS
from schemas.payment import Payment
from streams import per
from streams.aggregate import Windows
from streams.features import Features
from streams.join import Join, JoinState
from streams.pending import Pending

FEATURES = 9
"""As many as the payments pipeline has."""

SIX = ("1h", "6h", "1d", "7d", "14d", "30d")
SIX_DAILY = ("1d", "2d", "7d", "14d", "21d", "30d")
HORIZON_MS = 10**15
GAP_MS = 60_000


def pending(many: int, _: int) -> Any:
    """Scored events that wait for their label, each with its vector."""
    join, state, counts = Join(horizon_ms=HORIZON_MS, remember_ms=HORIZON_MS, most=many), JoinState(), Counter[str]()
    for n in range(many):
        vector = [n * 0.37 + i for i in range(FEATURES)]
        event = Pending((f"c{n % 1_000:05d}",), START_MS + n, vector, 0.5 + n * 1e-9, None, None, n, "champion")
        join.wait(state, f"p{n:010d}", event, counts)
    return state


def seen(many: int, _: int) -> Any:
    """Ids of events that wait for nothing."""
    join, state = Join(horizon_ms=0, remember_ms=HORIZON_MS, most=many), JoinState()
    for n in range(many):
        join.event(state, f"p{n:010d}", START_MS + n)
    return state


def windows(many: int, events: int) -> Any:
    """Six exact windows of `many` keys, each with so many events in them."""
    return _filled(per("customer_id").over(*SIX).count().mean("amount"), many, events)


def tiled(many: int, events: int) -> Any:
    """Six windows of whole days, which are added up by day, whatever number of events is in them."""
    return _filled(per("customer_id").over(*SIX_DAILY, tile="1d").count().mean("amount"), many, events)


def _filled(feature: Windows, many: int, events: int) -> Any:
    features = Features([feature])
    state = features.initial()
    payment = Payment(transaction_id="p", occurred_at=START, customer_id="c", terminal_id="t", amount=1.0)
    for each in range(events):
        for n in range(many):
            customer, time_ms = f"c{n:08d}", START_MS + each * GAP_MS + n % GAP_MS
            payment.amount = (n * 37 + each) % 10_000 / 100
            features.vector(state, payment, (customer,), time_ms)
    return state


WEIGHED: dict[str, Callable[[int, int], Any]] = {"pending": pending, "seen": seen, "windows": windows, "tiled": tiled}


def grown(what: str, many: int, events: int) -> dict[str, float]:
    """Bytes of resident memory that it took, and seconds."""
    warm = WEIGHED[what](1_000, events)  # held, or the pools that it leaves take some of what is weighed
    gc.collect()
    process = psutil.Process()
    before, start_s = process.memory_info().rss, time.perf_counter()
    held = WEIGHED[what](many, events)
    took_s = time.perf_counter() - start_s
    gc.collect()
    grew = process.memory_info().rss - before
    assert warm is not None
    assert held is not None
    return {"bytes": grew, "seconds": took_s}


if __name__ == "__main__":
    kind, number, *rest = sys.argv[1:]
    sys.stdout.write(json.dumps(grown(kind, int(number), int(rest[0]) if rest else 1)) + "\n")
