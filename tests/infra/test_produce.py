"""`millrace produce` as a person runs it: a file in, topics filled, or one sentence."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from confluent_kafka import Consumer, TopicPartition

from infra.cli.produce import produce as command
from schemas.problem import Outage, Problem
from tests.servers import Servers

WAIT_S = 120.0
MILLRACE = [sys.executable, "-c", "from infra.cli import main; main()"]
TARGET = "infra.pipelines.payments:payments"
NO_SERVERS = {
    "MILLRACE_KAFKA_BOOTSTRAP": "127.0.0.1:1",
    "MILLRACE_SCHEMA_REGISTRY_URL": "http://127.0.0.1:1/apis",
}


def produce(*arguments: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")}
    return subprocess.run(
        [*MILLRACE, "produce", *arguments],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """300 payments, every tenth without a label."""
    rows = [
        {
            "transaction_id": n,
            "occurred_at": datetime(2025, 1, 6, tzinfo=UTC) + timedelta(seconds=n),
            "customer_id": n % 7,
            "terminal_id": n % 5,
            "amount": float(n),
            "fraud": None if n % 10 == 0 else n % 9 == 0,
        }
        for n in range(300)
    ]
    path = tmp_path / "payments.parquet"
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.fixture
def environment(servers: Servers, prefix: str) -> dict[str, str]:
    return {
        "MILLRACE_KAFKA_BOOTSTRAP": servers.kafka_bootstrap,
        "MILLRACE_SCHEMA_REGISTRY_URL": servers.registry_url,
        "MILLRACE_TOPIC_PREFIX": prefix,
    }


def held(environment: dict[str, str], topic: str) -> list[int]:
    """How many records each partition of the topic holds."""
    consumer = Consumer({"bootstrap.servers": environment["MILLRACE_KAFKA_BOOTSTRAP"], "group.id": "none"})
    try:
        found = consumer.list_topics(topic, timeout=30).topics[topic]
        offsets = (consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=30) for p in found.partitions)
        return [end - begin for begin, end in offsets]
    finally:
        consumer.close()


@pytest.mark.servers
def test_a_file_and_its_labels_are_sent_and_counted(file: Path, environment: dict[str, str], prefix: str) -> None:
    labels = ("--label-field", "fraud", "--label-delay", "7d")
    done = produce(TARGET, "--file", str(file), *labels, "--partitions", "2", "--json", environment=environment)

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["events"], said["labels"]) == (300, 270)
    assert said["created"] == [f"{prefix}payments.events", f"{prefix}payments.labels"]
    assert sum(held(environment, said["events_topic"])) == 300
    assert sum(held(environment, said["labels_topic"])) == 270
    assert all(held(environment, said["events_topic"]))


@pytest.mark.servers
def test_without_json_it_says_so_in_words_and_keeps_to_the_speed(file: Path, environment: dict[str, str]) -> None:
    done = produce(TARGET, "--file", str(file), "--speed", "300x", environment=environment)

    assert done.returncode == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert "sent 300 events to" in words
    seconds = float(words.split(" in ")[1].split(" s ")[0])
    assert 0.9 <= seconds < 20


@pytest.mark.servers
def test_a_file_with_a_bad_row_sends_nothing(file: Path, environment: dict[str, str], prefix: str) -> None:
    table = pyarrow.parquet.read_table(file)
    amounts = [*table["amount"].to_pylist()[:-1], float("nan")]
    pyarrow.parquet.write_table(table.set_column(4, "amount", [amounts]), file)
    done = produce(TARGET, "--file", str(file), environment=environment)

    assert done.returncode == 2
    assert "row 300, column amount" in done.stderr
    consumer = Consumer({"bootstrap.servers": environment["MILLRACE_KAFKA_BOOTSTRAP"], "group.id": "none"})
    try:
        assert not [name for name in consumer.list_topics(timeout=30).topics if name.startswith(prefix)]
    finally:
        consumer.close()


@pytest.mark.servers
def test_what_is_known_far_in_the_future_is_refused(
    file: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(Problem, match="far ahead of now"):
        command(TARGET, file=file, label_field="fraud", label_delay="500w")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"rate": "5", "speed": "2x"}, "give one of them"),
        ({"rate": "5", "at_most": True}, "give one of them"),
        ({"rate": "often"}, "no rate"),
        ({"label_field": "fraud"}, "belong together"),
        ({"label_delay": "7d"}, "belong together"),
        ({"label_field": "fraud", "label_delay": "soon"}, "no length of time"),
        ({"label_field": "frau", "label_delay": "7d"}, "no column frau"),
        ({"file": Path("missing.csv")}, r"there is no file missing\.csv"),
    ],
)
def test_what_cannot_work_is_a_problem_before_any_server_is_asked(
    file: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], said: str
) -> None:
    for name, value in NO_SERVERS.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(Problem, match=said):
        command(TARGET, **{"file": file, **options})


def test_a_problem_is_one_sentence_without_a_traceback(file: Path) -> None:
    done = produce(TARGET, "--file", str(file), environment=NO_SERVERS)

    assert done.returncode == Outage.status
    assert "Kafka does not answer at 127.0.0.1:1" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
