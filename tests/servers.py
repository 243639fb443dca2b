"""The real servers of a test run: those the environment names, else containers, else the embedded ones."""

import gc
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra.embedded.ports import free_port
from infra.embedded.stack import EmbeddedStack
from infra.settings.variables import PREFIX, READ_ELSEWHERE, TEST_PREFIX

COMPOSE = Path(__file__).parents[1] / "infra" / "compose.yaml"
REGISTRY_PATH = "/apis/ccompat/v7"
VARIABLES = ("KAFKA_BOOTSTRAP", "SCHEMA_REGISTRY_URL", "CLICKHOUSE_URL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where the servers of this test run are."""

    kafka_bootstrap: str
    registry_url: str
    clickhouse_url: str


def forget_settings() -> None:
    """Take the variables of commands out of the environment: a shell may name servers that others rely on."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        if name not in READ_ELSEWHERE and not name.startswith(TEST_PREFIX):
            del os.environ[name]


def choose() -> tuple[str, AbstractContextManager[Servers]]:
    """What the servers are, in words, and what brings them up."""
    named = named_by_environment()
    if named is not None:
        return "named by the environment", nullcontext(named)
    if docker_answers():
        return "in containers", containers()
    return "embedded", embedded()


def named_by_environment() -> Servers | None:
    """The servers of MILLRACE_TEST_… variables, if all three are given."""
    kafka, registry, clickhouse = (os.environ.get(f"{TEST_PREFIX}{name}") for name in VARIABLES)
    if not (kafka and registry and clickhouse):
        return None
    return Servers(kafka_bootstrap=kafka, registry_url=registry, clickhouse_url=clickhouse)


@contextmanager
def embedded() -> Iterator[Servers]:
    """Servers of our own in a temporary directory."""
    with EmbeddedStack() as stack:
        yield Servers(
            kafka_bootstrap=stack.kafka_bootstrap, registry_url=stack.registry_url, clickhouse_url=stack.clickhouse_url
        )


def docker_answers() -> bool:
    """Whether there is a Docker daemon to run containers with."""
    import docker  # type: ignore[import-untyped]  # it has no types; slow to import, so only where it is asked for

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # where nobody answers, docker-py leaves its socket open
        try:
            with closing(docker.from_env()) as client:
                answered = bool(client.ping())
        except docker.errors.DockerException:
            answered = False
        gc.collect()
    return answered


@contextmanager
def containers() -> Iterator[Servers]:
    """The images of compose.yaml, each on a free port, gone at the end."""
    from testcontainers.core.wait_strategies import HttpWaitStrategy, LogMessageWaitStrategy

    with ExitStack() as running:
        registry = container("registry", APICURIO_STORAGE_KIND="sql").with_exposed_ports(8080)
        registry.waiting_for(HttpWaitStrategy(8080, f"{REGISTRY_PATH}/subjects").for_status_code(200))
        clickhouse = container("clickhouse", CLICKHOUSE_SKIP_USER_SETUP="1").with_exposed_ports(8123)
        clickhouse.waiting_for(HttpWaitStrategy(8123, "/ping").for_status_code(200))
        port = free_port()  # chosen here, because the broker must say it to its clients
        host = clickhouse.get_container_host_ip()
        kafka = container(
            "kafka",
            KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9093",
            KAFKA_ADVERTISED_LISTENERS=f"HOST://{host}:{port},INSIDE://localhost:19092",
        ).with_bind_ports(9092, port)
        kafka.waiting_for(LogMessageWaitStrategy(re.compile("Kafka Server started")))
        for one in (registry, clickhouse, kafka):
            running.enter_context(one)
        yield Servers(
            kafka_bootstrap=f"{host}:{port}",
            registry_url=f"http://{host}:{registry.get_exposed_port(8080)}{REGISTRY_PATH}",
            clickhouse_url=f"http://{host}:{clickhouse.get_exposed_port(8123)}",
        )


def container(service: str, **overrides: str) -> Any:
    """A container of a service of compose.yaml: its image and its environment, but for `overrides`."""
    from testcontainers.core.container import DockerContainer

    described = yaml.safe_load(COMPOSE.read_text())["services"][service]
    environment = (
        {} if service == "clickhouse" else described["environment"]
    )  # no password: the tests are alone with it
    return DockerContainer(described["image"], env={name: str(v) for name, v in {**environment, **overrides}.items()})
