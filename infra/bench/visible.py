"""What a running arm has made visible to read_committed readers, looked at while it runs: outputs a second."""

import time
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from infra.embedded.process import ServerProcess
from schemas.problem import Problem
from streams.runtime.kafka import RealKafka

LOOK_S = 0.2
STARTING_S = 120.0
SILENT_S = 5.0
"""So long without a new output: the input is used up."""


class Look(NamedTuple):
    """One look: seconds of wall and of the arm's CPU time, and where each of its topics ends for a reader."""

    wall_s: float
    cpu_s: float
    ends: Mapping[str, int]


class Pace(NamedTuple):
    """Outputs a second of wall and of CPU time, over so many seconds."""

    wall: float
    cpu: float
    seconds: float


def watch(process: ServerProcess, kafka: RealKafka, topics: Sequence[str], within_s: float) -> list[Look]:
    """Looks from the first output on, for `within_s`, or until nothing has come for `SILENT_S`.

    Raises `Problem` where the process ends, or shows nothing within `STARTING_S`.
    """
    begun_s, looks = time.monotonic(), [_look(process, kafka, topics)]
    while True:
        time.sleep(LOOK_S)
        look = _look(process, kafka, topics)
        if look.ends != looks[-1].ends:
            looks.append(look)
        if not process.alive:
            raise process.problem("ended while it was measured")
        if len(looks) < 2:
            if look.wall_s - begun_s > STARTING_S:
                raise process.problem(f"had no output within {STARTING_S:g} s")
        elif look.wall_s - looks[1].wall_s > within_s or look.wall_s - looks[-1].wall_s > SILENT_S:
            return looks[1:]


def pace(looks: Sequence[Look], offsets: Mapping[str, Sequence[int]], warm_s: float) -> Pace:
    """Behind the first `warm_s`; `offsets` are those of the records, as markers of transactions are no outputs.

    Raises `Problem` where nothing was visible that long.

    >>> looks = [Look(n, n / 2, {"t": 30 * n}) for n in range(4)]
    >>> pace(looks, {"t": range(0, 90, 3)}, warm_s=1)
    Pace(wall=10.0, cpu=20.0, seconds=2)
    """
    warm = [look for look in looks if look.wall_s >= looks[0].wall_s + warm_s]
    if len(warm) < 2:
        raise Problem(f"nothing was to be seen behind a warm-up of {warm_s:g} s: take more input")
    first, last = warm[0], warm[-1]
    counted = sum(bisect_left(of, last.ends[t]) - bisect_left(of, first.ends[t]) for t, of in offsets.items())
    seconds = last.wall_s - first.wall_s
    return Pace(counted / seconds, counted / (last.cpu_s - first.cpu_s), seconds)


def longest_pause_s(looks: Sequence[Look]) -> float:
    """The longest time without a new output."""
    return max((after.wall_s - before.wall_s for before, after in pairwise(looks)), default=0.0)


def _look(process: ServerProcess, kafka: RealKafka, topics: Sequence[str]) -> Look:
    ends = {topic: kafka.bounds(topic, 0)[1] for topic in topics}
    return Look(time.monotonic(), process.cpu_s, ends)
