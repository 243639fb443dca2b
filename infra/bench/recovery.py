"""From SIGKILL to caught up: a worker with so many keys of state dies while events go on coming at a steady rate."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from infra.bench import outputs
from infra.bench.offer import Offer, Told
from infra.bench.offering import Offering, offering
from infra.bench.report import Figure, Report
from infra.bench.sender import Sender
from infra.bench.stream import Stream
from infra.bench.waiting import kill, passed, until
from infra.demo.lag import Lag
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from infra.pipeline_topics import create
from infra.run_worker import stage_process
from streams.load import load

TARGET = "infra.pipelines.payments:customers"
BUDGET_S = 10.0
RATE_PER_S = 1_000
STEP_MS = 1_000
"""Between two payments: a million of them lie within the longest window, so every key has state."""

CAUGHT_UP_S = 0.25
"""Of the load's records so many seconds' may wait: at a steady rate some always do."""

STEADY_S = 5.0
WITHIN_S = 900.0
TIMED = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) \w+ (.*)$", re.MULTILINE)
TAKEN = " is ours"
SIGNS = {"started": "metrics on", "joined": ": taking it", "state read": "is read,", "folded again": TAKEN}
"""What the worker's log says when each part is over, in order."""

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many keys have state, and how many payments a second come meanwhile."""

    keys: int = 1_000_000
    rate_per_s: int = RATE_PER_S
    label_after: int = 14_000
    late_s: float = 1.0
    """How late the load may be, at most, for the figures to mean anything."""


QUICK = Size(keys=50_000)


def run(servers: Servers, folder: Path, note: Note, size: Size) -> Report:
    """Load, kill, start again, measure. Raises `Problem` where something fails or takes too long."""
    pipeline, settings = load(TARGET), servers.settings
    stream = Stream(keys=size.keys, step_ms=STEP_MS, label_after=size.label_after)
    create(pipeline, settings, partitions=1)
    note(f"preloading {size.keys:,} payments, each of another customer")
    with Sender(pipeline, settings) as sender:
        sender.send(stream.records(0, size.keys))
    named = pipeline.topics(settings.topic_prefix)
    spec = Offer(
        target=TARGET,
        keys=size.keys,
        step_ms=STEP_MS,
        label_after=size.label_after,
        start=size.keys,
        rate_per_s=size.rate_per_s,
        ahead=0,
        told=str(folder / "told.json"),
    )
    with Lag(settings, named.group(pipeline.version, "score"), [named.events, named.labels]) as lag:
        figures, told = _Fall(servers, folder, note, lag).measure(spec)
    note("reading back what came out")
    void = outputs.wrong("the run", outputs.written(pipeline, settings), stream, told.end)
    if told.late_s > size.late_s:
        void.append(f"the load was {told.late_s:.1f} s late: events did not come at {size.rate_per_s:,} a second")
    told_load = {"keys": size.keys, "payments per s": size.rate_per_s, "payments": told.end}
    return Report(bench="recovery", load=told_load, figures=figures, void=void)


class _Fall:
    """Kills the worker once, and watches the next one."""

    def __init__(self, servers: Servers, folder: Path, note: Note, lag: Lag) -> None:
        self._servers, self._folder, self._note, self._lag = servers, folder, note, lag

    def measure(self, spec: Offer) -> tuple[list[Figure], Told]:
        """The figures, and what was sent."""
        with self._worker("before") as worker:
            self._note("folding them")
            self._caught_up(spec, [worker])
            with offering(spec, self._servers, self._folder) as load_process:
                self._steady(spec, [worker, load_process.process])
                self._note("killing the worker")
                killed_s = time.time()
                kill(worker)
                figures = self._watch(spec, killed_s, load_process)
                told = load_process.stop()
        return figures, told

    def _watch(self, spec: Offer, killed_s: float, load_process: Offering) -> list[Figure]:
        """Start it again and wait until it has caught up; then until all is committed that was sent."""
        with self._worker("after") as worker:
            running = [worker, load_process.process]
            until("the task is taken again", lambda: TAKEN in worker.log(), running, within_s=WITHIN_S)
            self._caught_up(spec, running)
            caught_up_s = time.time()
            figures = _figures(worker.log(), killed_s, caught_up_s)
            load_process.stop()
            until("everything is committed", lambda: self._lag.records() == 0, [worker], within_s=WITHIN_S)
        return figures

    def _worker(self, name: str) -> ServerProcess:
        return stage_process(TARGET, "score", self._folder / name, env=self._servers.environment)

    def _caught_up(self, spec: Offer, running: list[ServerProcess]) -> None:
        most = CAUGHT_UP_S * spec.rate_per_s
        until("it has caught up", lambda: self._lag.records() <= most, running, within_s=WITHIN_S)

    def _steady(self, spec: Offer, running: list[ServerProcess]) -> None:
        """Let it run under load, and be caught up again."""
        passed(time.monotonic() + STEADY_S, running)
        self._caught_up(spec, running)


def _figures(log: str, killed_s: float, caught_up_s: float) -> list[Figure]:
    """The whole, and its parts from the worker's own words."""
    figures = [Figure(name="killed_to_caught_up", value=caught_up_s - killed_s, unit="s", most=BUDGET_S)]
    told = [(datetime.fromisoformat(at.replace(",", ".")).timestamp(), words) for at, words in TIMED.findall(log)]
    last_s = killed_s
    for part, sign in SIGNS.items():
        found_s = next((at_s for at_s, words in told if sign in words), None)
        if found_s is not None:
            figures.append(Figure(name=part.replace(" ", "_"), value=found_s - last_s, unit="s"))
            last_s = found_s
    return [*figures, Figure(name="caught_up", value=caught_up_s - last_s, unit="s")]
