"""Minutes at full speed, or an hour at a part of it: memory, threads and descriptors of each stage must not grow."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil

from infra.bench.kept import keep_little
from infra.bench.ledgers import totals
from infra.bench.offer import Offer, Told
from infra.bench.offering import offering
from infra.bench.report import Figure, Report
from infra.bench.stream import Stream
from infra.bench.waiting import passed, until
from infra.demo.lag import Lag
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from infra.pipeline_topics import create
from infra.run_worker import stage_process
from streams.load import load
from streams.plan import stages

TARGET = "infra.pipelines.payments:customers"
WARM = 0.4
"""The first part of the run, in which windows, horizon and the allocator's reserves fill: it is not judged."""

GROWTH = 0.03
"""How much more memory the fitted line may show at the end of the judged part than at its beginning."""

DRAINED_S = 300.0
MB = 1_000_000

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How long, how often one looks, and by how much memory may grow.

    At full speed so many records wait to be folded all the time. A `load` below 1 is a part of that: the speed is found
    in the first `trial_s`.
    """

    minutes: float = 10.0
    every_s: float = 5.0
    growth: float = GROWTH
    ahead: int = 50_000
    load: float = 1.0
    trial_s: float = 60.0
    stream: Stream = field(default_factory=Stream)


QUICK = Size(minutes=2.0, every_s=2.0)
LONG = Size(minutes=60.0, every_s=15.0, growth=0.01 * (1.0 - WARM), load=0.5)
"""One per cent in an hour, of which the first part is not judged."""


class Sample(NamedTuple):
    """One process at one moment."""

    at_s: float
    process: str
    rss_bytes: int
    threads: int
    descriptors: int


def run(servers: Servers, folder: Path, note: Note, size: Size) -> Report:
    """Offer as much as is taken, and watch. Raises `Problem` where a process ends by itself."""
    pipeline, settings = load(TARGET), servers.settings
    create(pipeline, settings, partitions=1)
    keep_little(pipeline, settings)
    named = pipeline.topics(settings.topic_prefix)
    group = named.group(pipeline.version, "score")
    with Lag(settings, group, [named.events, named.labels]) as lag:
        samples, start, told = _watched(servers, folder, note, size, lag)
    counted = totals(pipeline, settings)
    void = _wrong(counted, told, size.stream)
    load_told = {"minutes": size.minutes, "payments": told.end, "labels": size.stream.labels(told.end)}
    seconds = max(sample.at_s for sample in samples)
    judged = counted["records"] - start - size.stream.labels(start)
    speed = Figure(name="speed", value=judged / seconds, unit="records/s")
    figures = [speed, *(figure for stage in stages(pipeline, 1) for figure in _judged(stage, samples, size.growth))]
    return Report(
        bench="soak", load=load_told, figures=figures, void=void, series=[sample._asdict() for sample in samples]
    )


def _watched(servers: Servers, folder: Path, note: Note, size: Size, lag: Lag) -> tuple[list[Sample], int, Told]:
    """Both stages under load for the whole time, from which payment on; then until scoring has committed all of it."""
    samples: list[Sample] = []
    with (
        stage_process(TARGET, "score", folder, env=servers.environment) as score,
        stage_process(TARGET, "monitor", folder, env=servers.environment) as monitor,
    ):
        stages = {"score": score, "monitor": monitor}
        start, rate_per_s = (
            _found_speed(servers, folder, size, lag, list(stages.values())) if size.load < 1.0 else (0, 0)
        )
        with offering(_offer(size, folder, start, rate_per_s), servers, folder) as load_process:
            running = [*stages.values(), load_process.process]
            start_s = time.monotonic()
            for look in range(1, int(size.minutes * 60 / size.every_s) + 1):
                passed(start_s + look * size.every_s, running)
                samples += [_sample(name, stage, time.monotonic() - start_s) for name, stage in stages.items()]
                note(_line(samples[-len(stages) :]))
            told = load_process.stop()
        until("everything is committed", lambda: lag.records() == 0, list(stages.values()), within_s=DRAINED_S)
    return samples, start, told


def _found_speed(
    servers: Servers, folder: Path, size: Size, lag: Lag, stages: Sequence[ServerProcess]
) -> tuple[int, int]:
    """How many payments full speed has taken in the trial, and the asked-for part of as many a second."""
    with offering(_offer(size, folder, 0, 0), servers, folder) as load_process:
        passed(time.monotonic() + size.trial_s, [*stages, load_process.process])
        told = load_process.stop()
    until("everything is committed", lambda: lag.records() == 0, stages, within_s=DRAINED_S)
    return told.end, max(1, round(size.load * told.end / size.trial_s))


def _offer(size: Size, folder: Path, start: int, rate_per_s: int) -> Offer:
    stream = size.stream
    return Offer(
        target=TARGET,
        keys=stream.keys,
        step_ms=stream.step_ms,
        label_after=stream.label_after,
        start=start,
        rate_per_s=rate_per_s,
        ahead=size.ahead,
        told=str(folder / "told.json"),
    )


def _sample(name: str, stage: ServerProcess, at_s: float) -> Sample:
    """The stage behind its guard, with whatever it has started."""
    family = psutil.Process(stage.pid).children(recursive=True)
    rss = sum(process.memory_info().rss for process in family)
    return Sample(at_s, name, rss, sum(p.num_threads() for p in family), sum(p.num_fds() for p in family))


def _line(samples: Sequence[Sample]) -> str:
    words = [f"{s.process} {s.rss_bytes / MB:,.0f} MB, {s.threads} threads, {s.descriptors} fds" for s in samples]
    return f"{samples[0].at_s:,.0f} s: {'; '.join(words)}"


def _judged(stage: str, samples: Sequence[Sample], growth: float) -> list[Figure]:
    """Growth of one stage behind the warm-up: of memory along a fitted line, of threads and descriptors at most."""
    last_s = max(sample.at_s for sample in samples)
    judged = [s for s in samples if s.process == stage and s.at_s >= WARM * last_s]
    line = statistics.linear_regression([s.at_s for s in judged], [float(s.rss_bytes) for s in judged])
    first_s, end_s = judged[0].at_s, judged[-1].at_s
    grew = line.slope * (end_s - first_s) / (line.intercept + line.slope * first_s)
    half = len(judged) // 2
    most = {
        what: max(getattr(s, what) for s in judged[half:]) - max(getattr(s, what) for s in judged[:half])
        for what in ("threads", "descriptors")
    }
    return [
        Figure(name=f"{stage}_memory", value=judged[-1].rss_bytes / MB, unit="MB"),
        Figure(name=f"{stage}_memory_growth", value=grew, unit=f"in {end_s - first_s:.0f} s", most=growth),
        *(Figure(name=f"{stage}_{what}_growth", value=more, unit=what, most=0) for what, more in most.items()),
    ]


def _wrong(counted: Mapping[str, int], told: Told, stream: Stream) -> list[str]:
    """Where the ledger does not account for everything that was sent, once."""
    wanted = {"records": told.end + stream.labels(told.end), "events.scored": told.end}
    return [
        f"the ledger holds {counted[name]:,} {name} of {many:,}"
        for name, many in wanted.items()
        if counted[name] != many
    ]
