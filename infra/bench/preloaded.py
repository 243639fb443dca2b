"""Arms over one preloaded input, run in turn, each under a prefix of its own."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.bench import arm, outputs
from infra.bench.arm import Arm, Spec
from infra.bench.outputs import Written
from infra.bench.rounds import Note, Round, Rounds, speed_of
from infra.bench.sender import Sender
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
RUN_S = 300.0


class Preloaded:
    """An input that stands there, and is run over by one arm after the other, each under a prefix of its own."""

    def __init__(self, servers: Servers, folder: Path, note: Note, events: int) -> None:
        """Sends it. Raises `Problem` where Kafka does not take it."""
        self._servers, self._folder, self._note, self._events = servers, folder, note, events
        self._pipeline, settings = load(TARGET), servers.settings
        self._stream = Stream(label_after=min(14_000, events // 4))
        note(f"preloading {events:,} payments and their labels")
        create(self._pipeline, settings, partitions=1)
        with Sender(self._pipeline, settings) as sender:
            sender.send(self._stream.records(0, events))
        self._until = ends(self._pipeline, settings)
        self._placed = 0

    def alternated(self, arms: Sequence[type[Arm]], pairs: int) -> Rounds:
        """Each of `arms` so many times, there and back, behind a run that only warms the broker up.

        Raises `Problem` where one fails.
        """
        self._note("a run that does not count: who goes first would have a broker that has just started")
        first, runs = self.run(arms[0]), list[Round]()
        for pair in range(pairs):
            for which in arms if pair % 2 == 0 else arms[::-1]:
                runs.append(self.run(which))
                told = f"run {len(runs)} of {len(arms) * pairs}, {which.__name__}"
                self._note(f"{told}: {runs[-1].speed.wall:,.0f} records/s")
        return Rounds(runs, {**self.load, "runs of each": pairs}, self.wrong([first, *runs]))

    @property
    def load(self) -> dict[str, object]:
        """What was sent."""
        return {"events": self._events, "labels": self._stream.labels(self._events)}

    def wrong(self, runs: Sequence[Round]) -> list[str]:
        """Where outputs are lost, doubled, or differ between runs."""
        void = [why for each in runs for why in outputs.wrong(each.name, each.found, self._stream, self._events)]
        return void + outputs.differing([(each.name, each.found) for each in runs])

    def run(self, which: type[Arm]) -> Round:
        """One run, from its start to the end of the input."""
        here = self.place(which)
        with here.process() as process:
            until_ended(process, within_s=RUN_S)
        return here.round(process)

    def place(self, which: type[Arm]) -> "Place":
        """Where the next run goes."""
        self._placed += 1
        base, number = self._servers.settings, self._placed
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
        return Place(
            name=f"run {number} ({which.__name__})",
            arm=which.__name__,
            pipeline=self._pipeline,
            settings=settings,
            spec=path,
            laps=laps,
            env={**self._servers.environment, variable("topic_prefix"): settings.topic_prefix},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one run of one arm takes place: its prefix, its files, and the variables of its process."""

    name: str
    arm: str
    pipeline: Pipeline
    settings: Settings
    spec: Path
    laps: Path
    env: dict[str, str]

    def process(self, before: Sequence[str | Path] = ()) -> ServerProcess:
        """The run, started; or gone on with, where an earlier process did not come to the end.

        `before` are words in front of its command.
        """
        command = [*before, sys.executable, "-P", "-m", "infra.bench.arm", str(self.spec)]
        return ServerProcess(self.name, command, log_path=self.laps.with_suffix(".log"), env=self.env)

    def written(self) -> Written:
        """What has come out."""
        return outputs.written(self.pipeline, self.settings)

    def round(self, process: ServerProcess) -> Round:
        """What it gave. Raises `Problem` where `process` ended before the input."""
        if not self.laps.exists():
            raise process.problem("failed")
        speed = speed_of(arm.read(self.laps))
        return Round(self.name, self.arm, speed, self.written())


def ends(pipeline: Pipeline, settings: Settings) -> dict[str, int]:
    """How far the preloaded inputs reach."""
    kafka = RealKafka(librdkafka(settings))
    named = pipeline.topics(settings.topic_prefix)
    found = {topic: kafka.bounds(topic, 0)[1] for topic in (named.events, named.labels)}
    kafka.close()
    return found
