"""The score stage as a worker runs it, in a process of its own, over preloaded inputs, until it is stopped."""

import sys
from pathlib import Path

from infra.bench import arm
from infra.bench.arm import ExactlyOnce, Spec
from infra.bench.preloaded import TARGET, ends
from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from infra.settings import Settings
from infra.settings.variables import variable
from streams.load import load


def start(servers: Servers, outputs: Settings, folder: Path) -> ServerProcess:
    """From the inputs of `servers` to the topics under the prefix of `outputs`, which exist; its files in `folder`."""
    folder.mkdir(parents=True)
    spec = Spec(
        target=TARGET,
        arm=arm.name_of(ExactlyOnce),
        inputs_prefix=servers.settings.topic_prefix,
        until={topic: end + 1 for topic, end in ends(load(TARGET), servers.settings).items()},  # where it never comes
        laps=str(folder / "laps.json"),
    )
    written = arm.written(folder / "spec.json", spec)
    command: list[str | Path] = [sys.executable, "-P", "-m", "infra.bench.arm", written]
    env = {**servers.environment, variable("topic_prefix"): outputs.topic_prefix}
    return ServerProcess(folder.name, command, log_path=folder / "log", env=env)
