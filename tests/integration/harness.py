"""A stage as a person starts it: a child process from settings, waited for with a limit, read back from Kafka."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import clickhouse_connect
import psutil
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from infra.embedded.process import ServerProcess
from infra.migrate import create_database
from infra.settings import Settings, clickhouse, librdkafka, schema_registry
from infra.settings.variables import variable
from schemas import message
from schemas.decode import own_decoder
from schemas.registry import Registry
from streams.pipeline import Pipeline
from tests.servers import Servers

PIPELINES = Path(__file__).parent / "pipelines"
MILLRACE = [sys.executable, "-P", "-m", "infra.cli"]
STARTED_S = 90.0
FOLDED_S = 120.0
READ_S = 30.0
POLL_S = 0.1
WIDTH = "200"


def environment(settings: Settings) -> dict[str, str]:
    """The variables that give a child process these settings and no others."""
    values = {variable(name): _text(getattr(settings, name)) for name in Settings.model_fields}
    return {**values, "COLUMNS": WIDTH}


def _text(value: object) -> str:
    """As a variable has it; an empty one counts as not set."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return json.dumps([_text(each) for each in value]) if value else ""
    return "" if value is None else str(value)


@contextmanager
def of_its_own(servers: Servers, prefix: str) -> Iterator[Settings]:
    """Settings with this prefix and a database that goes at the end."""
    found = Settings(
        kafka_bootstrap=servers.kafka_bootstrap,
        schema_registry_url=servers.registry_url,
        clickhouse_url=servers.clickhouse_url,
        clickhouse_database=prefix.replace("-", "_") + "db",
        topic_prefix=prefix,
    )
    create_database(found)
    yield found
    with clickhouse_connect.get_client(**clickhouse(found)) as client:
        client.command(f"DROP DATABASE {found.clickhouse_database}")


@contextmanager
def worker(settings: Settings, target: str, logs: Path, *, stage: str = "score") -> Iterator[ServerProcess]:
    """One stage in a process of its own; stopped at the end of the `with`."""
    command = [*MILLRACE, "worker", target, "--stage", stage]
    log = logs / f"{stage}-{len(list(logs.glob('*.log')))}.log"
    with ServerProcess(f"the {stage} stage", command, log_path=log, env=environment(settings)) as running:
        yield running


def wait(
    what: str, holds: Callable[[], bool], running: Sequence[ServerProcess], *, within_s: float, poll_s: float = POLL_S
) -> None:
    """Return once `holds()`; fail with the processes' logs when one ends before, or time is up."""
    deadline = time.monotonic() + within_s
    while not holds():
        ended = [each for each in running if not each.alive]
        if ended or time.monotonic() > deadline:
            logs = "\n".join(f"--- {each.name}\n{each.log()[-4_000:]}" for each in ended or running)
            why = "ended by itself" if ended else f"{within_s:g} s were not enough"
            raise AssertionError(f"{what}: {why}\n{logs}")
        time.sleep(poll_s)


def wait_folded(
    settings: Settings,
    pipeline: Pipeline,
    *running: ServerProcess,
    at_least: int | None = None,
    within_s: float = FOLDED_S,
) -> None:
    """Return once the score stage has committed all that stands on its inputs, or `at_least` so many records."""
    named = pipeline.topics(settings.topic_prefix)
    topics = [named.events]
    if pipeline.labels is not None and pipeline.labels.event is not None:
        topics.append(named.labels)
    group = named.group(pipeline.version, "score")
    consumer = Consumer({**librdkafka(settings), "group.id": group})
    try:
        ends = {tp: consumer.get_watermark_offsets(tp, timeout=READ_S)[1] for tp in _partitions(settings, topics)}
        wanted = sum(ends.values()) if at_least is None else at_least

        def folded() -> bool:
            try:
                found = consumer.committed(list(ends), timeout=READ_S)
            except KafkaException:
                return False  # its coordinator moves
            return sum(max(tp.offset, 0) for tp in found) >= wanted

        wait(f"{group} folds {wanted} records", folded, running, within_s=within_s)
    finally:
        consumer.close()


def _partitions(settings: Settings, topics: Sequence[str]) -> list[TopicPartition]:
    known = AdminClient({**librdkafka(settings)}).list_topics(timeout=READ_S).topics
    return [TopicPartition(topic, number) for topic in topics for number in sorted(known[topic].partitions)]


def read(settings: Settings, topic: str) -> list[Message]:
    """Every committed record of `topic`, partition by partition, in the order of offsets."""
    places = _partitions(settings, [topic])
    consumer = Consumer(
        {
            **librdkafka(settings),
            "group.id": "reads",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    found: list[Message] = []
    ended: set[int | None] = set()
    deadline = time.monotonic() + READ_S
    try:
        consumer.assign([TopicPartition(place.topic, place.partition, 0) for place in places])
        while len(ended) < len(places):
            assert time.monotonic() < deadline, f"{topic} cannot be read to its end within {READ_S:g} s"
            for record in consumer.consume(1_000, timeout=0.1):
                error = record.error()
                if error is None:
                    found.append(record)
                else:
                    assert error.code() == KafkaError._PARTITION_EOF, error.str()
                    ended.add(record.partition())
    finally:
        consumer.close()
    return sorted(found, key=lambda record: (record.partition(), record.offset()))


def decoded(settings: Settings, topic: str, model: type[message.Message]) -> list[dict[str, Any]]:
    """The values of every committed record of one of our topics."""
    with Registry(schema_registry(settings)) as registry:
        decode = own_decoder(model, registry)
        return [decode(record.value()) for record in read(settings, topic)]


def metrics_url(running: ServerProcess) -> str:
    """Where a started process serves /metrics."""
    pattern = re.compile(r"metrics on (http://\S+/metrics)")
    wait(
        "it says where its metrics are",
        lambda: pattern.search(running.log()) is not None,
        [running],
        within_s=STARTED_S,
    )
    return pattern.search(running.log())[1]  # type: ignore[index]  # it was found a moment ago


def scrape(running: ServerProcess) -> dict[str, Metric]:
    """The metric families that a process serves now, by name."""
    url = metrics_url(running)
    with urlopen(url, timeout=READ_S) as answer:
        text = answer.read().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def results(families: dict[str, Metric], role: str) -> dict[str, int]:
    """What became of the records of one input, from `millrace_records_total`; what has not occurred is left out."""
    samples = [s for s in families["millrace_records"].samples if s.name.endswith("_total")]
    return {s.labels["result"]: int(s.value) for s in samples if s.labels["role"] == role and s.value}


def worker_of(running: ServerProcess) -> psutil.Process:
    """The process of ours behind its guard."""
    (child,) = psutil.Process(running.pid).children()
    return child
