"""Processes that are started again when they end, as an orchestrator would, and servers that can be killed."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from infra.embedded.clickhouse import start_clickhouse
from infra.embedded.kafka import start_kafka
from infra.embedded.ports import free_port
from infra.embedded.process import ServerProcess
from infra.settings import Settings
from tests.integration.harness import MILLRACE, POLL_S, environment, worker_of

BACKOFF_S = 0.5


class Broker:
    """A Kafka of the test's own, on a port and a directory that outlive it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._running = start_kafka(folder, self._port)
        self.bootstrap = self._running.bootstrap

    def restart(self) -> None:
        """Kill it with SIGKILL and start it again on what it left behind."""
        _kill(self._running.process.pid)
        self._running.stop()
        self._running = start_kafka(self._folder, self._port)

    def close(self) -> None:
        self._running.stop()


class Store:
    """A ClickHouse of the test's own, on a port and a directory that outlive it."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._port = folder, free_port()
        self._running = start_clickhouse(folder, self._port)
        self.url = self._running.url

    def restart(self) -> None:
        """Kill it with SIGKILL and start it again on what it left behind."""
        _kill(self._running.pid)
        self._running.stop()
        self._running = start_clickhouse(self._folder, self._port)

    def close(self) -> None:
        self._running.stop()


def _kill(guard: int) -> None:
    """Kill what runs behind a guard."""
    for process in psutil.Process(guard).children(recursive=True):
        process.kill()


class Fleet:
    """`count` processes of one command. `tend` starts again what has ended; `killed` are those that `send` killed."""

    def __init__(self, name: str, command: Sequence[str], count: int, settings: Settings, logs: Path) -> None:
        self._name, self._command, self._logs = name, [*MILLRACE, *command], logs
        self._environment = environment(settings)
        self.started = 0
        self.members = [self._start() for _ in range(count)]
        self._ended_s: dict[int, float] = {}
        self.killed: set[int] = set()

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
            if process.pid in self.killed:
                return None
            process.send_signal(number)
        except (ValueError, psutil.NoSuchProcess):
            return None
        if number == signal.SIGKILL:
            self.killed.add(process.pid)
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
