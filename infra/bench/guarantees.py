"""What exactly-once costs: ledger, checkpoints and transactions against the same run at least once without them."""

import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from infra.bench import arm, outputs
from infra.bench.arm import Arm, AtLeastOnce, ExactlyOnce, Spec
from infra.bench.outputs import Written
from infra.bench.report import Figure, Report
from infra.bench.sender import Sender
from infra.bench.stopwatch import Lap
from infra.bench.stream import Stream
from infra.bench.waiting import until_ended
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from infra.pipeline_topics import create
from infra.settings import Settings, librdkafka
from infra.settings.variables import variable
from streams.load import load
from streams.pipeline import Pipeline
from streams.runtime.kafka import RealKafka

TARGET = "infra.pipelines.payments:customers"
BUDGET = 0.90
WARM = 0.2
"""The first part of every run, which is not measured."""

RUN_S = 300.0

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much: `events` folded in each run, so many runs of each arm."""

    events: int = 100_000
    pairs: int = 5


QUICK = Size(events=40_000, pairs=2)


class Round(NamedTuple):
    """One run of one arm: how fast it was, and what came out."""

    name: str
    arm: str
    speed: "Speed"
    found: Written


class Speed(NamedTuple):
    """Records a second of wall and of CPU time; commits, and the share of the time that they took."""

    wall: float
    cpu: float
    commits: int
    committing: float


def run(
    servers: Servers,
    folder: Path,
    note: Note,
    size: Size,
    arms: tuple[type[Arm], type[Arm]] = (ExactlyOnce, AtLeastOnce),
) -> Report:
    """Both `arms` over the same input, alternated. Raises `Problem` where one of them fails."""
    pipeline, settings, stream = load(TARGET), servers.settings, Stream(label_after=min(14_000, size.events // 4))
    note(f"preloading {size.events:,} payments and their labels")
    create(pipeline, settings, partitions=1)
    with Sender(pipeline, settings) as sender:
        sender.send(stream.records(0, size.events))
    runner = _Runner(pipeline, servers, folder, _ends(pipeline, settings))
    rounds: list[Round] = []
    for pair in range(size.pairs):
        for which in arms if pair % 2 == 0 else arms[::-1]:
            rounds.append(runner.run(which, len(rounds)))
            note(f"run {len(rounds)} of {2 * size.pairs}, {which.__name__}: {rounds[-1].speed.wall:,.0f} records/s")
    void = [reason for each in rounds for reason in outputs.wrong(each.name, each.found, stream, size.events)]
    void += outputs.differing([(each.name, each.found) for each in rounds])
    load_told = {"events": size.events, "labels": stream.labels(size.events), "runs of each": size.pairs}
    return Report(
        bench="guarantees", load=load_told, figures=_figures(rounds, arms), void=void, series=[_row(r) for r in rounds]
    )


class _Runner:
    """Runs arms on the preloaded input, each under a prefix of its own."""

    def __init__(self, pipeline: Pipeline, servers: Servers, folder: Path, until: dict[str, int]) -> None:
        self._pipeline, self._servers, self._folder, self._until = pipeline, servers, folder, until

    def run(self, which: type[Arm], number: int) -> Round:
        """Start the process, wait for its end, read what came out."""
        name = f"run {number + 1} ({which.__name__})"
        base = self._servers.settings
        settings = base.model_copy(update={"topic_prefix": f"{base.topic_prefix}r{number}."})
        create(self._pipeline, settings, partitions=1)
        laps = self._folder / f"{number}.laps.json"
        spec = Spec(
            target=TARGET,
            arm=arm.name_of(which),
            inputs_prefix=base.topic_prefix,
            until=self._until,
            laps=str(laps),
        )
        path = arm.written(self._folder / f"{number}.spec.json", spec)
        command = [sys.executable, "-P", "-m", "infra.bench.arm", str(path)]
        env = {**self._servers.environment, variable("topic_prefix"): settings.topic_prefix}
        with ServerProcess(name, command, log_path=self._folder / f"{number}.log", env=env) as process:
            until_ended(process, within_s=RUN_S)
        if not laps.exists():
            raise process.problem("failed")
        return Round(name, which.__name__, _speed(arm.read(laps)), outputs.written(self._pipeline, settings))


def _speed(laps: Sequence[Lap]) -> Speed:
    """Behind the warm-up, up to the last commit that brought records."""
    behind = [lap for lap in laps if lap.records >= WARM * laps[-1].records]
    first, *rest = [lap for n, lap in enumerate(behind) if n == 0 or lap.records > behind[n - 1].records]
    records, seconds = rest[-1].records - first.records, rest[-1].wall_s - first.wall_s
    return Speed(
        wall=records / seconds,
        cpu=records / (rest[-1].cpu_s - first.cpu_s),
        commits=len(rest),
        committing=sum(lap.commit_s for lap in rest) / seconds,
    )


def _figures(rounds: Sequence[Round], arms: tuple[type[Arm], type[Arm]]) -> list[Figure]:
    ours, other = ([r.speed for r in rounds if r.arm == which.__name__] for which in arms)
    pairs = list(zip(ours, other, strict=True))
    best_wall, best_cpu = (max(r[i] for r in ours) / max(r[i] for r in other) for i in (0, 1))
    unit = "of at least once"
    return [
        Figure(name="ratio_wall", value=best_wall, unit=unit, least=BUDGET, note="best of each"),
        Figure(name="ratio_wall_median", value=_median(a.wall / b.wall for a, b in pairs), unit=unit),
        Figure(name="ratio_cpu", value=best_cpu, unit=unit, note="best of each"),
        Figure(name="ratio_cpu_median", value=_median(a.cpu / b.cpu for a, b in pairs), unit=unit),
        Figure(name="exactly_once", value=max(r.wall for r in ours), unit="records/s"),
        Figure(name="at_least_once", value=max(r.wall for r in other), unit="records/s"),
        Figure(name="exactly_once_committing", value=_median(r.committing for r in ours), unit="of the time"),
        Figure(name="at_least_once_committing", value=_median(r.committing for r in other), unit="of the time"),
    ]


def _median(values: Iterable[float]) -> float:
    return statistics.median(values)


def _row(each: Round) -> dict[str, object]:
    speed = each.speed
    return {
        "run": each.name,
        "records_per_s": speed.wall,
        "records_per_cpu_s": speed.cpu,
        "commits": speed.commits,
        "committing": speed.committing,
    }


def _ends(pipeline: Pipeline, settings: Settings) -> dict[str, int]:
    """How far the preloaded inputs reach."""
    kafka = RealKafka(librdkafka(settings))
    named = pipeline.topics(settings.topic_prefix)
    found = {topic: kafka.bounds(topic, 0)[1] for topic in (named.events, named.labels)}
    kafka.close()
    return found
