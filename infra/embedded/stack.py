"""Kafka, the schema registry and ClickHouse side by side under one data directory."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Protocol, Self

from filelock import FileLock, Timeout

from infra.embedded import maven
from infra.embedded.archive import unpacked
from infra.embedded.artifacts import Note, ensure, pinned
from infra.embedded.clickhouse import start_clickhouse
from infra.embedded.kafka import launch_kafka
from infra.embedded.ports import Ports, chosen
from infra.embedded.registry import launch_registry
from schemas.problem import Problem

TRIES = 3
TAKEN = ("Address already in use", "seems to be in use")  # last words of a server that lost its free port to a stranger


class Server(Protocol):
    """What the stack needs of each of its servers."""

    @property
    def alive(self) -> bool: ...

    def stop(self) -> None: ...


class EmbeddedStack:
    """The three servers, ready inside the `with`; `kafka_bootstrap`, `registry_url` and `clickhouse_url` reach them.

    Without `data_dir` everything lies in a temporary directory that goes with the servers; with it topics, schemas and
    tables outlive them. `note` is told what goes on while one waits.

    Raises (on entering):
        Problem: a port asked for or the data directory is in use, an artifact is lacking, a server did not come up.
    """

    kafka_bootstrap: str
    registry_url: str
    clickhouse_url: str

    def __init__(
        self, data_dir: Path | None = None, *, ports: Ports | None = None, note: Note = lambda _: None
    ) -> None:
        self._kept = data_dir
        self._ports = ports or Ports()
        self._note = note
        self._servers: dict[str, Server] = {}
        self._held = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self.data_dir = opening.enter_context(data_directory(self._kept))
            for attempt in range(TRIES):
                try:
                    opening.push(self._start())
                    break
                except Problem as problem:
                    if attempt == TRIES - 1 or not any(words in str(problem) for words in TAKEN):
                        raise
            self._held = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._held.close()

    def require_alive(self) -> None:
        """Raise a Problem if a server has ended by itself."""
        for name, server in self._servers.items():
            if not server.alive:
                raise Problem(f"{name} ended by itself: see its log under {self.data_dir}, then start again")

    def _start(self) -> ExitStack:
        """Launch all, then wait for all: they start side by side, and whatever interrupts us finds each of them."""
        ports = chosen(self._ports, self.data_dir)
        jars = ensure(pinned("kafka"), maven.fetch, self._note)
        (archive,) = ensure(pinned("registry"), maven.fetch, self._note)
        program = unpacked(archive)
        self._note("starting Kafka, the schema registry and ClickHouse")
        with ExitStack() as opening:
            registry = launch_registry(program, self.data_dir / "registry", ports.registry)
            opening.callback(registry.stop)
            kafka = launch_kafka(jars, self.data_dir / "kafka", ports.kafka)
            opening.callback(kafka.stop)
            clickhouse = start_clickhouse(self.data_dir / "clickhouse", ports.clickhouse)
            opening.callback(clickhouse.stop)
            kafka.wait_ready()
            registry.wait_ready()
            self._servers = {"Kafka": kafka, "the schema registry": registry, "ClickHouse": clickhouse}
            self.kafka_bootstrap, self.registry_url = kafka.bootstrap, registry.url
            self.clickhouse_url = clickhouse.url
            return opening.pop_all()


@contextmanager
def data_directory(kept: Path | None) -> Iterator[Path]:
    """`kept`, made and locked, or a temporary directory that is deleted at the end."""
    if kept is None:
        with TemporaryDirectory(prefix="millrace-", ignore_cleanup_errors=True) as folder:
            yield Path(folder)
        return
    try:
        kept.mkdir(parents=True, exist_ok=True)
        lock = FileLock(kept / "millrace.lock").acquire(timeout=0)
    except Timeout as error:
        cure = "stop it, or name another directory"
        raise Problem(f"the data directory {kept} is in use by another Millrace: {cure}") from error
    except OSError as error:
        raise Problem(f"the data directory {kept} cannot be used ({error.strerror}): name another one") from error
    with lock:
        yield kept.resolve()
