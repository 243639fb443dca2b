"""What is wrong is said in one sentence with its cure; nothing is left half-done."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from infra.embedded.ports import LOOPBACK
from infra.settings import Settings, librdkafka
from infra.topics import TopicSpec, ensure
from schemas.problem import Outage, Problem
from streams.load import load
from tests.integration.harness import MILLRACE, PIPELINES, environment

pytestmark = pytest.mark.servers

TILL = f"{PIPELINES / 'till.py'}:till"
TILLS = f"{PIPELINES / 'till.py'}:tills"
WITHIN_S = 90.0
NOBODY = "127.0.0.1:1"


def problem(settings: Settings, *arguments: str, status: int = Problem.status, **variables: str) -> str:
    """What a command that must fail says; `variables` go before the settings."""
    done = subprocess.run(
        [*MILLRACE, *arguments],
        env={**os.environ, **environment(settings), **variables},
        capture_output=True,
        text=True,
        timeout=WITHIN_S,
        check=False,
    )
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")] or [done.stderr]

    assert (done.returncode, "Traceback" in done.stderr, done.stdout) == (status, False, ""), done.stderr
    assert done.stderr.rstrip().endswith(said), done.stderr
    return said.removeprefix("error: ")


def topics(settings: Settings) -> set[str]:
    """Topics of this test that exist."""
    known = AdminClient({**librdkafka(settings)}).list_topics(timeout=30.0).topics
    return {name.removeprefix(settings.topic_prefix) for name in known if name.startswith(settings.topic_prefix)}


def create(settings: Settings, target: str = TILL, **partitions: int) -> None:
    """Topics with so many partitions, by the last part of their names."""
    named = load(target).topics(settings.topic_prefix)
    specs = [TopicSpec(name=named.named(last), partitions=count) for last, count in partitions.items()]
    ensure(AdminClient({**librdkafka(settings)}), specs)


@pytest.fixture
def busy() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        yield taken.getsockname()[1]


def test_a_setting_is_missing(settings: Settings) -> None:
    said = problem(settings, "worker", TILL, MILLRACE_KAFKA_BOOTSTRAP="")

    assert "set MILLRACE_KAFKA_BOOTSTRAP" in said


def test_a_setting_is_wrong(settings: Settings) -> None:
    said = problem(settings, "worker", TILL, MILLRACE_METRICS_PORT="many")

    assert said.startswith("MILLRACE_METRICS_PORT must be")


def test_kafka_is_down(settings: Settings) -> None:
    said = problem(settings, "worker", TILL, "--stage", "score", status=Outage.status, MILLRACE_KAFKA_BOOTSTRAP=NOBODY)

    assert f"Kafka does not answer at {NOBODY}" in said
    assert "MILLRACE_KAFKA_BOOTSTRAP" in said


def test_the_registry_is_down(settings: Settings) -> None:
    registry = {"MILLRACE_SCHEMA_REGISTRY_URL": f"http://{NOBODY}"}
    said = problem(settings, "worker", TILL, "--stage", "score", status=Outage.status, **registry)

    assert "the schema registry does not answer" in said
    assert topics(settings) == set()


def test_clickhouse_is_down(settings: Settings) -> None:
    create(settings, scored=1, outcomes=1, metrics=1, alerts=1, rejected=1)
    said = problem(settings, "sink", TILL, status=Outage.status, MILLRACE_CLICKHOUSE_URL=f"http://{NOBODY}")

    assert "ClickHouse does not answer" in said
    assert "MILLRACE_CLICKHOUSE_URL" in said


@pytest.mark.parametrize("command", [("worker", "--stage", "score"), ("sink",)], ids=["worker", "sink"])
def test_the_port_of_the_metrics_is_in_use(settings: Settings, busy: int, command: tuple[str, ...]) -> None:
    create(settings, events=1, labels=1, scored=1, outcomes=1, metrics=1, alerts=1, rejected=1)
    name, *options = command
    said = problem(settings, name, TILL, *options, MILLRACE_METRICS_PORT=str(busy))

    assert str(busy) in said
    assert "set MILLRACE_METRICS_PORT" in said


def test_a_pipeline_file_has_an_error(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("from streams import Pipeline\n\nbroken = Pipeline(name=1 / 0)\n")
    said = problem(settings, "worker", f"{file}:broken")

    assert said == "broken.py, line 3: ZeroDivisionError: division by zero"


def test_a_stage_that_fails_takes_the_worker_along(settings: Settings) -> None:
    create(settings, events=2, labels=2)
    said = problem(settings, "worker", TILL)

    assert 'learning="inline_per_partition"' in said


def test_a_data_file_cannot_be_read(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "payments.parquet"
    file.write_bytes(b"no parquet")
    said = problem(settings, "produce", TILL, "--file", str(file))

    assert str(file) in said
    assert topics(settings) == set()


def test_inputs_have_different_numbers_of_partitions(settings: Settings) -> None:
    create(settings, TILLS, events=1, labels=2)
    said = problem(settings, "worker", TILLS, "--stage", "score")

    assert "tills.events has partitions 1, and 2 is needed" in said
    assert topics(settings) == {"tills.events", "tills.labels"}


def test_several_partitions_need_a_model_each(settings: Settings) -> None:
    create(settings, events=2)
    said = problem(settings, "worker", TILL, "--stage", "score")

    assert 'learning="inline_per_partition"' in said
    assert topics(settings) == {"till.events"}
