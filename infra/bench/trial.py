"""One stretch of payments at a steady rate, as its sender and a reader of the scores saw it."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from infra.bench.paced import MS_PER_S, Pace, Paced
from infra.bench.report import Figure
from infra.bench.stream import START_MS
from infra.bench.waiting import POLL_S, until_ended
from infra.bench.watch import BEGUN, Seen, Watch
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from schemas.problem import Problem

STARTED_S = 60.0
PREPARED_S = 60.0
"""How long a sender may take before its first payment, and behind its last one."""

LITTLE = 0.2
"""Of a p99, which counts from when payments were due, the sender's own delay may be so much."""

SETTLED_S = 10.0
"""How long after the last payment its score may come."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What was sent and when, and what was seen."""

    pace: Pace
    paced: Paced
    seen: Sequence[Seen]

    @property
    def lasts_s(self) -> float:
        """From the first payment to the last."""
        return (self.pace.end - self.pace.start) / self.pace.rate_per_s

    @property
    def whole(self) -> bool:
        """Whether every payment was seen scored in time."""
        return len(self.seen) == self.pace.end - self.pace.start

    def doubts(self, p99_ms: float, late_ms: float) -> list[str]:
        """Why a p99 that was found in it does not count: its sender was late, by more than a little of that; or some
        scores did not come in time."""
        doubts, late_p99_ms = [], self.paced.late_p99_ms
        if late_p99_ms > max(late_ms, LITTLE * p99_ms):
            doubts.append(f"the sender was late by {late_p99_ms:.1f} ms at its p99, so payments came otherwise")
        if not self.whole:
            doubts.append(f"{len(self.seen):,} of {self.pace.end - self.pace.start:,} scores were seen in time")
        return doubts

    def latencies_ms(self, warm_s: float = 0.0) -> NDArray[np.float64]:
        """From when a payment was due until its score was there, but for those due in the first seconds.

        Raises `Problem` where there is none.
        """
        begun_s, step_ms = self.paced.begun_s, self.pace.stream.step_ms
        due = ((self.pace.due_s((each.time_ms - START_MS) // step_ms, begun_s), each.at_s) for each in self.seen)
        found = np.array([at_s - due_s for due_s, at_s in due if due_s >= begun_s + warm_s]) * MS_PER_S
        if not len(found):
            raise Problem(f"no score was seen of payments at {self.pace.rate_per_s:g}/s: try an idle machine")
        return found


def taken(took_ms: NDArray[np.float64], most_ms: float) -> list[Figure]:
    """The median, the p99 with its budget, and the longest of what was waited for, milliseconds; in this order."""
    p50, p99, longest = (float(np.quantile(took_ms, share)) for share in (0.5, 0.99, 1.0))
    return [
        Figure(name="p50", value=p50, unit="ms"),
        Figure(name="p99", value=p99, unit="ms", most=most_ms),
        Figure(name="longest", value=longest, unit="ms"),
    ]


def trial(pace: Pace, topic: str, servers: Servers, folder: Path) -> Trial:
    """Watch the scores in `topic` while `pace` is sent. Raises `Problem` where a process fails."""
    lasts_s = (pace.end - pace.start) / pace.rate_per_s
    told, seen = Path(pace.told), folder / "seen.msgpack"
    for path in (told, seen):
        path.unlink(missing_ok=True)
    watching = Watch(topic=topic, records=pace.end - pace.start, seen=str(seen))
    with _process("watch", watching, servers, folder) as reader:
        reader.wait_ready(lambda: BEGUN in reader.log(), within_s=STARTED_S)
        with _process("paced", pace, servers, folder) as sender:
            until_ended(sender, within_s=PREPARED_S + lasts_s)
        settled_s = time.monotonic() + SETTLED_S
        while reader.alive and time.monotonic() < settled_s:
            time.sleep(POLL_S)
    for process, path in ((sender, told), (reader, seen)):
        if not path.exists():
            raise process.problem("failed")
    paced = msgspec.json.decode(told.read_bytes(), type=Paced)
    return Trial(pace, paced, msgspec.msgpack.decode(seen.read_bytes(), type=list[Seen]))


def _process(module: str, spec: Pace | Watch, servers: Servers, folder: Path) -> ServerProcess:
    """This module of ours in a process, with what it is to do."""
    path = folder / f"{module}.json"
    path.write_bytes(msgspec.json.encode(spec))
    command = [sys.executable, "-P", "-m", f"infra.bench.{module}", str(path)]
    return ServerProcess(f"bench {module}", command, log_path=folder / f"{module}.log", env=servers.environment)
