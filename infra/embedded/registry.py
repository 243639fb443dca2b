"""The Apicurio schema registry on loopback, speaking Confluent's protocol, its schemas in a database file."""

import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.embedded import maven
from infra.embedded.archive import unpacked
from infra.embedded.artifacts import ensure, pinned
from infra.embedded.java import java
from infra.embedded.ports import LOOPBACK
from infra.embedded.process import ServerProcess

HEAP_MB = 256
READY_S = 90.0
JAR = "apicurio-registry-app-3.0.9-runner.jar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """A running registry; `url` is where a stock Confluent client connects."""

    process: ServerProcess
    url: str

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.alive

    def wait_ready(self) -> None:
        """Return once the registry answers; a Problem with the end of its log if it does not."""
        port = urlsplit(self.url).port or 0
        self.process.wait_ready(lambda: self.process.listens(port) and answers(self.url), within_s=READY_S)

    def stop(self) -> None:
        """End the registry."""
        self.process.stop()


def start_registry(data_dir: Path, port: int) -> Registry:
    """Start a registry on `port`, return it when it answers; ids and schemas in `data_dir` outlive it.

    Raises:
        Problem: it did not come up; the end of its log is in the message.
    """
    (archive,) = ensure(pinned("registry"), maven.fetch, note=lambda _: None)
    registry = launch_registry(unpacked(archive), data_dir, port)
    registry.wait_ready()
    return registry


def launch_registry(program: Path, data_dir: Path, port: int) -> Registry:
    """As `start_registry`, from the unpacked folder `program` and without waiting."""
    process = ServerProcess(
        "the schema registry",
        java("-jar", program / JAR, heap_mb=HEAP_MB, temporary=data_dir / "tmp"),
        log_path=data_dir / "registry.log",
        env={
            "QUARKUS_HTTP_HOST": LOOPBACK,
            "QUARKUS_HTTP_PORT": str(port),
            "QUARKUS_BANNER_ENABLED": "false",
            "QUARKUS_LOG_LEVEL": "WARN",
            "QUARKUS_HTTP_ACCESS_LOG_ENABLED": "false",
            "QUARKUS_LOG_CATEGORY__IO_APICURIO__LEVEL": "WARN",
            "APICURIO_STORAGE_KIND": "sql",
            "APICURIO_STORAGE_SQL_KIND": "h2",
            "APICURIO_DATASOURCE_URL": f"jdbc:h2:file:{data_dir.resolve() / 'schemas'}",
            "APICURIO_DATASOURCE_JDBC_INITIAL_SIZE": "2",
            "APICURIO_DATASOURCE_JDBC_MIN_SIZE": "2",
            "APICURIO_DATASOURCE_JDBC_MAX_SIZE": "16",
        },
    )
    return Registry(process=process, url=f"http://{LOOPBACK}:{port}/apis/ccompat/v7")


def answers(url: str) -> bool:
    """Whether the registry lists its subjects."""
    try:
        with urllib.request.urlopen(f"{url}/subjects", timeout=2.0) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False
