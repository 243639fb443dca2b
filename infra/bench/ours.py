"""The score stage as a worker runs it, in a process of its own, over preloaded inputs under another prefix."""

import sys
from collections.abc import Sequence
from pathlib import Path

from infra.bench import arm
from infra.bench.arm import ExactlyOnce, Spec
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from infra.settings import Settings, librdkafka
from infra.settings.variables import variable
from streams.pipeline import Pipeline
from streams.runtime.kafka import RealKafka

TARGET = "infra.pipelines.payments:customers"


def start(
    servers: Servers, outputs: Settings, until: dict[str, int], folder: Path, before: Sequence[str | Path] = ()
) -> ServerProcess:
    """From the inputs of `servers`, to the positions `until`, where it ends; its topics exist under the prefix of
    `outputs`. Its files are in `folder`; `before` are words in front of the command.
    """
    folder.mkdir(parents=True)
    spec = Spec(
        target=TARGET,
        arm=arm.name_of(ExactlyOnce),
        inputs_prefix=servers.settings.topic_prefix,
        until=until,
        laps=str(laps(folder)),
    )
    written = arm.written(folder / "spec.json", spec)
    command = [*before, sys.executable, "-P", "-m", "infra.bench.arm", written]
    env = {**servers.environment, variable("topic_prefix"): outputs.topic_prefix}
    return ServerProcess(folder.name, command, log_path=folder / "log", env=env)


def laps(folder: Path) -> Path:
    """The file that a process which has ended leaves behind."""
    return folder / "laps.json"


def ends(pipeline: Pipeline, inputs: Settings) -> dict[str, int]:
    """How far what was preloaded reaches, by topic."""
    kafka, named = RealKafka(librdkafka(inputs)), pipeline.topics(inputs.topic_prefix)
    found = {topic: kafka.bounds(topic, 0)[1] for topic in (named.events, named.labels)}
    kafka.close()
    return found
