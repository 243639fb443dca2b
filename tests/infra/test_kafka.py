"""The embedded broker: transactions, log-in, and data that outlive it."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psutil
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.embedded import kafka
from infra.embedded.kafka import Kafka, start_kafka
from infra.embedded.ports import free_port
from schemas.problem import Problem
from tests.servers import Servers

WAIT_S = 20.0
PASSWORD = 'a "quoted", back\\slashed = [password]'


def create(bootstrap: str, topic: str, partitions: int = 1) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, partitions, 1)])[topic].result(WAIT_S)


def read(bootstrap: str, topic: str, partitions: int = 1) -> list[bytes | None]:
    """The committed values of a topic, from its beginning to its end."""
    settings = {"bootstrap.servers": bootstrap, "group.id": topic, "enable.partition.eof": True}
    consumer = Consumer({**settings, "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    values: list[bytes | None] = []
    ended: set[int | None] = set()
    try:
        while (message := consumer.poll(WAIT_S)) is not None:
            error = message.error()
            if error is not None:
                assert error.code() == KafkaError._PARTITION_EOF, error
                ended.add(message.partition())
                if len(ended) == partitions:
                    return values
                continue
            values.append(message.value())
        pytest.fail(f"no end of {topic} within {WAIT_S} s, after {values}")
    finally:
        consumer.close()


def transact(bootstrap: str, topic: str) -> None:
    producer = Producer(
        {"bootstrap.servers": bootstrap, "transactional.id": topic, "retry.backoff.ms": 2, "linger.ms": 0}
    )
    producer.init_transactions(WAIT_S)
    for value, end in ((b"kept", producer.commit_transaction), (b"dropped", producer.abort_transaction)):
        producer.begin_transaction()
        producer.produce(topic, value)
        producer.flush(WAIT_S)
        end(WAIT_S)


@pytest.mark.servers
def test_only_what_was_committed_is_read(servers: Servers, prefix: str) -> None:
    topic = f"{prefix}events"
    create(servers.kafka_bootstrap, topic)
    transact(servers.kafka_bootstrap, topic)

    assert read(servers.kafka_bootstrap, topic) == [b"kept"]


@pytest.mark.servers
def test_topics_and_transactions_survive_a_restart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uuid.uuid4", lambda: UUID(int=0xF8 << 120))  # the id of the cluster begins with "-"
    for _ in range(2):
        kafka = start_kafka(tmp_path, free_port())
        try:
            if not AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=WAIT_S).topics:
                create(kafka.bootstrap, "events")
                transact(kafka.bootstrap, "events")
            values = read(kafka.bootstrap, "events")
        finally:
            kafka.stop()

        assert values == [b"kept"]


@pytest.mark.servers
def test_an_acknowledged_commit_outlives_a_kill(tmp_path: Path) -> None:
    """Killed between the markers of a transaction, of which there are many (KAFKA-20734 lost the rest)."""
    partitions = 200
    port = free_port()
    kafka = start_kafka(tmp_path, port)
    try:
        create(kafka.bootstrap, "wide", partitions)
        producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": "wide", "log_level": 0})
        producer.init_transactions(WAIT_S)
        producer.begin_transaction()
        for partition in range(partitions):
            producer.produce("wide", b"kept", partition=partition)
        producer.flush(WAIT_S)
        brokers = psutil.Process(kafka.process.pid).children(recursive=True)
        producer.commit_transaction(WAIT_S)
        for broker in brokers:
            broker.kill()
        kafka.stop()
        kafka = start_kafka(tmp_path, port)
        again = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": "wide", "log_level": 0})
        again.init_transactions(WAIT_S)  # returns when the transaction is complete

        assert read(kafka.bootstrap, "wide", partitions) == [b"kept"] * partitions
    finally:
        kafka.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    kafka = start_kafka(tmp_path_factory.mktemp("scram"), free_port(), scram={"alice": PASSWORD})
    yield kafka
    kafka.stop()


def login(kafka: Kafka, mechanism: str, password: str) -> AdminClient:
    return AdminClient(
        {
            "bootstrap.servers": kafka.sasl_bootstrap or "",
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": mechanism,
            "sasl.username": "alice",
            "sasl.password": password,
            "log_level": 0,
        }
    )


@pytest.mark.servers
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_user_logs_in_with_the_right_password_only(guarded: Kafka, mechanism: str) -> None:
    assert login(guarded, mechanism, PASSWORD).list_topics(timeout=WAIT_S).brokers
    with pytest.raises(KafkaException):
        login(guarded, mechanism, "wrong").list_topics(timeout=2.0)


@pytest.mark.servers
def test_an_unknown_topic_is_not_created_by_asking_for_it(servers: Servers, prefix: str) -> None:
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap})
    admin.list_topics(f"{prefix}typo", timeout=WAIT_S)

    assert f"{prefix}typo" not in admin.list_topics(timeout=WAIT_S).topics


def test_a_data_directory_that_takes_too_long_to_make_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "FORMAT_S", 0.01)

    with pytest.raises(Problem, match="is the machine busy"):
        start_kafka(tmp_path, free_port())
