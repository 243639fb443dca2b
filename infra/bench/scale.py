"""What a second worker adds: records per second of CPU time of two that share the partitions, against one that has all.

On so few cores as a bench has, two workers, the broker and whoever sends would take turns, and wall time would tell how
many cores there are. So nothing is sent meanwhile (inputs are preloaded), the broker's CPU time is told apart, and the
workers' own is compared: where each of two does as much with a second of CPU as one alone, two of them do twice as much
on cores of their own.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import psutil

from infra.bench import outputs
from infra.bench.report import Figure, Report
from infra.bench.sender import Sender
from infra.bench.stream import Stream
from infra.bench.waiting import until
from infra.demo.lag import Lag
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from infra.pipeline_topics import create
from infra.run_worker import stage_process
from streams.load import load

TARGET = "infra.bench.partitioned:customers"
BUDGET = 1.7
PARTITIONS = 2
LEFT = 0.2
"""Of the records so many must be left when all workers have their partitions."""

WITHIN_S = 300.0

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How many payments for each run, and with how many workers each."""

    events: int = 100_000
    workers: tuple[int, ...] = (1, 2, 2, 1)


QUICK = Size(events=40_000, workers=(1, 2))


class Share(NamedTuple):
    """One run behind the moment at which all workers had their partitions; `broker_cpu_s` where it can be known."""

    workers: int
    records: int
    wall_s: float
    cpu_s: float
    broker_cpu_s: float | None

    @property
    def per_cpu_s(self) -> float:
        """0 where all was done before every worker had its partitions."""
        return self.records / self.cpu_s if self.cpu_s else 0.0


def run(servers: Servers, folder: Path, note: Note, size: Size) -> Report:
    """Each run on topics of its own. Raises `Problem` where a worker fails."""
    stream = Stream(label_after=min(14_000, size.events // 4))
    shares: list[Share] = []
    void: list[str] = []
    for number, workers in enumerate(size.workers):
        prefix = f"{servers.settings.topic_prefix}w{number}."
        here = replace(servers, settings=servers.settings.model_copy(update={"topic_prefix": prefix}))
        share, wrong = _shared(here, folder / f"{number}", stream, size.events, workers)
        shares.append(share)
        void += wrong
        note(f"{workers} workers: {share.per_cpu_s:,.0f} records per second of their CPU time")
        if share.records < LEFT * (size.events + stream.labels(size.events)):
            void.append(f"run {number + 1}: only {share.records:,} records were left when all workers had partitions")
    load_told = {"events": size.events, "partitions": PARTITIONS, "workers": list(size.workers)}
    return Report(
        bench="scale", load=load_told, figures=_figures(shares), void=void, series=[each._asdict() for each in shares]
    )


def _shared(servers: Servers, logs: Path, stream: Stream, events: int, many: int) -> tuple[Share, list[str]]:
    """Preload, start so many workers, measure from when each has a partition to the end."""
    pipeline, settings = load(TARGET), servers.settings
    create(pipeline, settings, partitions=PARTITIONS)
    with Sender(pipeline, settings) as sender:
        sender.send(stream.records(0, events))
    named = pipeline.topics(settings.topic_prefix)
    with ExitStack() as stack:
        group = named.group(pipeline.version, "score")
        lag = stack.enter_context(Lag(settings, group, [named.events, named.labels]))
        workers = [
            stack.enter_context(stage_process(TARGET, "score", logs / f"{n}", env=servers.environment))
            for n in range(many)
        ]
        until("each has a partition", lambda: all(" is ours" in w.log() for w in workers), workers, within_s=WITHIN_S)
        share = _measured(servers, workers, lag)
    return share, outputs.wrong(f"{many} workers", outputs.written(pipeline, settings), stream, events)


def _measured(servers: Servers, workers: Sequence[ServerProcess], lag: Lag) -> Share:
    before, broker_before, start_s, records = _cpu_s(workers), _broker_s(servers), time.monotonic(), lag.records()
    until("all is committed", lambda: lag.records() == 0, workers, within_s=WITHIN_S)
    took_s, broker_s = time.monotonic() - start_s, _broker_s(servers)
    broker = None if broker_s is None or broker_before is None else broker_s - broker_before
    return Share(len(workers), records, took_s, _cpu_s(workers) - before, broker)


def _cpu_s(workers: Sequence[ServerProcess]) -> float:
    return sum(worker.cpu_s for worker in workers)


def _broker_s(servers: Servers) -> float | None:
    """The same of an embedded broker."""
    if not servers.embedded:
        return None
    port = int(str(servers.settings.kafka_bootstrap).rpartition(":")[2])
    for each in psutil.net_connections("tcp"):
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid is not None:
            return sum(psutil.Process(each.pid).cpu_times()[:2])
    return None


def _figures(shares: Sequence[Share]) -> list[Figure]:
    one, two = ([each for each in shares if each.workers == many] for many in (1, PARTITIONS))
    alone, shared = (statistics.median(each.per_cpu_s for each in found) for found in (one, two))
    wall = [statistics.median(each.records / each.wall_s for each in found) for found in (one, two)]
    figures = [
        Figure(
            name="two_workers",
            value=PARTITIONS * shared / alone if alone else 0.0,
            unit="times one",
            least=BUDGET,
            note="by records per second of the workers' CPU time",
        ),
        Figure(
            name="two_workers_wall",
            value=wall[1] / wall[0] if wall[0] else 0.0,
            unit="times one",
            note="on the cores of this machine",
        ),
        Figure(name="one", value=alone, unit="records per s of CPU"),
        Figure(name="two", value=shared, unit="records per s of CPU"),
    ]
    for name, found in (("one", one), ("two", two)):
        spent = [each.records / each.broker_cpu_s for each in found if each.broker_cpu_s]
        if spent:
            unit = "records per s of the broker's CPU"
            figures.append(Figure(name=f"broker_{name}", value=statistics.median(spent), unit=unit))
    return figures
