"""One run of one arm in a process of its own: preloaded inputs scored to their end, its laps written to a file.

Run as `python -m infra.bench.arm SPEC.json`.
"""

import asyncio
import sys
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Protocol

import msgspec

from infra import garbage, turns
from infra.bench.at_least_once import Plain, PlainOwner
from infra.bench.stopwatch import Lap, Stopwatch, Timed, TimedKafka
from infra.embedded.ports import free_port
from infra.settings import Settings, aiokafka, librdkafka, schema_registry
from schemas.registry import Registry
from streams.load import load
from streams.runtime.app import Connection, serve
from streams.runtime.bind import bind
from streams.runtime.owner import Owner
from streams.runtime.task import Binding


class Spec(msgspec.Struct, frozen=True, kw_only=True):
    """What to run: `arm` as `module:class`, on inputs under another prefix, to the positions `until`."""

    target: str
    arm: str
    inputs_prefix: str
    until: dict[str, int]
    laps: str


class Arm(Protocol):
    """One way to score, by a class that can."""

    @classmethod
    def run(cls, spec: Spec, settings: Settings) -> list[Lap]:
        """Go on until all that is preloaded is committed; the laps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage(Connection):
    """The score stage, over a connection whose owner is timed."""

    stopwatch: Stopwatch

    @classmethod
    def run(cls, spec: Spec, settings: Settings) -> list[Lap]:
        """Serve until all that is preloaded is committed; the laps."""
        pipeline = load(spec.target)
        inputs = pipeline.topics(spec.inputs_prefix)
        own = pipeline.topics(settings.topic_prefix)
        moved = {own.events: inputs.events, own.labels: inputs.labels}
        stopwatch = Stopwatch(spec.until)
        with Registry(schema_registry(settings)) as registry:
            bound = bind(pipeline, "score", prefix=settings.topic_prefix, registry=registry, partitions=1)
            binding = replace(bound, sources=[replace(source, topic=moved[source.topic]) for source in bound.sources])
            connection = cls(
                librdkafka=librdkafka(settings),
                aiokafka=aiokafka(settings),
                web_port=free_port(),
                stopwatch=stopwatch,
                instance_id="bench",
            )
            garbage.seldom()
            turns.soon()
            asyncio.run(serve(pipeline.name, binding, connection))
        return stopwatch.laps


class ExactlyOnce(Stage):
    """As the worker runs it: transactions, ledger, checkpoints."""

    def owner(self, binding: Binding) -> Owner:
        owner = Stage.owner(self, binding)
        return replace(owner, kafka=TimedKafka(owner.kafka, self.stopwatch))


class AtLeastOnce(Stage):
    """The same without any of them."""

    def owner(self, binding: Binding) -> Owner:
        kafka = Stage.owner(self, binding).kafka
        return PlainOwner(binding=binding, kafka=kafka, plain=lambda partition: self.transactions(binding, partition))

    def transactions(self, binding: Binding, partition: int) -> Timed:
        """The task's producer."""
        return Timed(Plain(self.librdkafka, binding.group, partition), self.stopwatch)


def _arm(name: str) -> type[Arm]:
    module, _, found = name.partition(":")
    arm: type[Arm] = getattr(import_module(module), found)
    return arm


def name_of(arm: type[Arm]) -> str:
    """How a spec names an arm."""
    return f"{arm.__module__}:{arm.__qualname__}"


def written(path: Path, spec: Spec) -> Path:
    """The spec as a file for the process."""
    path.write_bytes(msgspec.json.encode(spec))
    return path


def read(laps: Path) -> list[Lap]:
    """What a run has left behind."""
    return msgspec.json.decode(laps.read_bytes(), type=list[Lap])


if __name__ == "__main__":
    given = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Spec)
    Path(given.laps).write_bytes(msgspec.json.encode(_arm(given.arm).run(given, Settings())))
