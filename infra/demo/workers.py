"""The processes of a demo: each stage and the sink, their logs, their metrics, the CPU time that they took."""

import re
import sys
import time
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from infra.demo.servers import Servers
from infra.embedded.process import ServerProcess
from infra.run_worker import stage_process
from infra.settings.variables import variable
from streams.plan import MONITOR, SCORE

SINK = "sink"
OURS = "producer and view"
STAGES = (SCORE, MONITOR)
"""On topics of one partition."""

ANSWER_WITHIN_S = 5.0
SERVED_AT = re.compile(r"metrics on (http://\S+)")

Sample = tuple[str, Mapping[str, str], float]
"""Name, labels and value of one metric."""


class Workers:
    """The stages and the sink of the pipeline `target`, one process each, inside the `with`."""

    def __init__(self, target: str, servers: Servers, logs: Path) -> None:
        self._target, self._servers, self._logs = target, servers, logs
        self._processes: dict[str, ServerProcess] = {}
        self._pages: dict[str, str] = {}
        self._held = ExitStack()

    def __enter__(self) -> Self:
        environment = {**self._servers.environment, variable("data_dir"): str(self._logs)}  # nothing is left behind
        with ExitStack() as opening:
            for stage in STAGES:
                process = stage_process(self._target, stage, self._logs, env=environment)
                self._processes[stage] = opening.enter_context(process)
            self._processes[SINK] = opening.enter_context(self._sink(environment))
            self._held = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._held.close()

    def _sink(self, environment: Mapping[str, str]) -> ServerProcess:
        command = [sys.executable, "-P", "-m", "infra.cli", "sink", self._target]
        port = self._servers.settings.metrics_port
        behind_stages = {variable("metrics_port"): str(port + len(STAGES))} if port else {}
        return ServerProcess(
            "the sink", command, log_path=self._logs / "sink.log", env={**environment, **behind_stages}
        )

    def require_alive(self) -> None:
        """Raise `Problem` with the last words of a process that has ended by itself."""
        for process in self._processes.values():
            if not process.alive:
                raise process.problem("ended by itself")

    def pages(self) -> dict[str, str]:
        """Where each of them serves /metrics, as far as they have said so."""
        for name, process in self._processes.items():
            if name not in self._pages and (told := SERVED_AT.search(process.log())):
                self._pages[name] = told[1]
        return self._pages

    def samples(self, name: str) -> list[Sample]:
        """All metrics of one of them now; none where it does not answer yet."""
        page = self.pages().get(name)
        if page is None:
            return []
        try:
            with urllib.request.urlopen(page, timeout=ANSWER_WITHIN_S) as answer:
                text = answer.read().decode()
        except OSError:
            return []
        families = text_string_to_metric_families(text)
        return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]

    def cpu_s(self) -> dict[str, float]:
        """Seconds of CPU time that each of them has used; last, those of this process itself."""
        used = {name: process.cpu_s for name, process in self._processes.items()}
        return {**used, OURS: time.process_time()}
