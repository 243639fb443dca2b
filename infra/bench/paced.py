"""Sends a bench's payments each at its own time, however slow the one before was, in a process of its own.

Run as `python -m infra.bench.paced SPEC.json`. Everything is encoded before the first is due.
"""

import sys
import time
from pathlib import Path

import msgspec
import numpy as np

from infra.bench.sender import Sender
from infra.bench.stream import Stream
from infra.garbage import seldom
from infra.settings import Settings
from streams.load import load

SOON_S = 0.2
"""From the last preparation to the first payment."""

NAP_S = 0.005
MS_PER_S = 1_000


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """Which payments, from `start` on and before `end`, each with the label that becomes known with it; how many a
    second."""

    target: str
    stream: Stream
    start: int
    end: int
    rate_per_s: float
    told: str

    def due_s(self, n: int, begun_s: float) -> float:
        """When payment `n` is due."""
        return begun_s + (n - self.start) / self.rate_per_s


class Paced(msgspec.Struct, frozen=True, kw_only=True):
    """When the first was due, by the monotonic clock, and how late payments were handed to the client."""

    begun_s: float
    late_p99_ms: float
    late_most_ms: float


def send(pace: Pace, settings: Settings) -> Paced:
    """Send it all. Raises `Problem` where Kafka does not take it."""
    late_s: list[float] = []
    with Sender(load(pace.target), settings) as sender:
        each = range(pace.start, pace.end)
        ready = [[sender.encode(sent) for sent in pace.stream.records(n, n + 1)] for n in each]
        seldom()
        begun_s = time.monotonic() + SOON_S
        for n, records in zip(each, ready, strict=True):
            due_s = pace.due_s(n, begun_s)
            while (early_s := due_s - time.monotonic()) > 0:
                sender.poll()
                time.sleep(min(early_s, NAP_S))
            late_s.append(-early_s)
            for record in records:
                sender.hand_over(record)
    late_ms = np.asarray(late_s) * MS_PER_S
    return Paced(begun_s=begun_s, late_p99_ms=float(np.quantile(late_ms, 0.99)), late_most_ms=float(late_ms.max()))


if __name__ == "__main__":
    given = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Pace)
    Path(given.told).write_bytes(msgspec.json.encode(send(given, Settings())))
