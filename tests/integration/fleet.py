"""Processes that are started again when they end, as an orchestrator would, and a broker that can be killed."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

import psutil

from infra.embedded.kafka import Kafka, start_kafka
from infra.embedded.ports import free_port
from infra.embedded.process import ServerProcess
from infra.settings import Settings
from tests.integration.harness import MILLRACE, POLL_S, environment, worker_of

BACKOFF_S = 0.5


class Broker:
    """One broker of the test's own, on a port and a directory that outlive it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._running: Kafka | None = start_kafka(folder, self._port)

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self._port}"

    def restart(self) -> None:
        """Kill it with SIGKILL and start it again on what it left behind."""
        assert self._running is not None
        for process in psutil.Process(self._running.process.pid).children(recursive=True):
            process.kill()
        self._running.stop()
        self._running = start_kafka(self._folder, self._port)

    def stop(self) -> None:
        if self._running is not None:
            self._running.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Fleet:
    """`count` processes of one command. `tend` starts again what has ended."""

    def __init__(self, name: str, command: Sequence[str], count: int, settings: Settings, logs: Path) -> None:
        self._name, self._command, self._logs = name, [*MILLRACE, *command], logs
        self._environment = environment(settings)
        self.started = 0
        self.members = [self._start() for _ in range(count)]
        self._ended_s: dict[int, float] = {}
        self._killed: set[int] = set()

    def _start(self) -> ServerProcess:
        self.started += 1
        log = self._logs / f"{self._name}-{self.started}.log"
        return ServerProcess(f"{self._name} {self.started}", self._command, log_path=log, env=self._environment)

    def tend(self) -> None:
        """Start again what has ended, a moment later."""
        for place, member in enumerate(self.members):
            if member.alive:
                continue
            ended_s = self._ended_s.setdefault(place, time.monotonic())
            if time.monotonic() - ended_s >= BACKOFF_S:
                member.stop()
                self.members[place] = self._start()
                del self._ended_s[place]

    def send(self, place: int, number: signal.Signals) -> psutil.Process | None:
        """Send a signal to one of the processes; None where it does not run at the moment."""
        member = self.members[place % len(self.members)]
        if not member.alive:
            return None
        try:
            process = worker_of(member)
            if process.pid in self._killed:
                return None
            process.send_signal(number)
        except (ValueError, psutil.NoSuchProcess):
            return None
        if number == signal.SIGKILL:
            self._killed.add(process.pid)
        return process

    def stop(self) -> None:
        for member in self.members:
            member.stop()

    def logs(self) -> str:
        """The end of what every process has said."""
        logs = sorted(self._logs.glob(f"{self._name}-*.log"), key=lambda log: log.stat().st_mtime)
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-2_000:]}" for log in logs[-6:])


@contextmanager
def fleet(name: str, command: Sequence[str], count: int, settings: Settings, logs: Path) -> Iterator[Fleet]:
    """A fleet that is stopped at the end of the `with`."""
    with ExitStack() as closing:
        running = Fleet(name, command, count, settings, logs)
        closing.callback(running.stop)
        yield running


def tended(what: str, holds: Callable[[], bool], fleets: Sequence[Fleet], *, within_s: float) -> None:
    """Return once `holds()`, starting again what ends in between; fail with the logs when time is up."""
    deadline = time.monotonic() + within_s
    while not holds():
        for each in fleets:
            each.tend()
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: {within_s:g} s were not enough\n" + "\n".join(f.logs() for f in fleets))
        time.sleep(POLL_S)
