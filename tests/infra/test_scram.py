"""One set of settings logs both Kafka clients in to a broker that demands SCRAM-SHA-512."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from infra.embedded.kafka import start_kafka
from infra.embedded.ports import free_port
from infra.settings import Settings, aiokafka, librdkafka, reach
from infra.topics import TopicSpec, ensure
from schemas.problem import Problem

pytestmark = pytest.mark.servers
USER, PASSWORD = "millrace", "open-sesame:%"  # not the characters of the broker's own configuration syntax: , = ]


@pytest.fixture(scope="module")
def bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The SASL listener of a broker of our own: the one that all tests share may know no users."""
    kafka = start_kafka(Path(tmp_path_factory.mktemp("scram")), free_port(), scram={USER: PASSWORD})
    try:
        assert kafka.sasl_bootstrap
        yield kafka.sasl_bootstrap
    finally:
        kafka.stop()


def settings(bootstrap: str, *, password: str = PASSWORD) -> Settings:
    return Settings.model_validate(
        {
            "kafka_bootstrap": bootstrap,
            "kafka_security_protocol": "SASL_PLAINTEXT",
            "kafka_sasl_mechanism": "SCRAM-SHA-512",
            "kafka_sasl_username": USER,
            "kafka_sasl_password": password,
        }
    )


def test_what_one_client_sends_the_other_reads(bootstrap: str) -> None:
    told = settings(bootstrap)
    reach(told, ("kafka",))
    ensure(AdminClient(dict(librdkafka(told))), [TopicSpec(name="secret", partitions=1)])
    producer = Producer(dict(librdkafka(told)))
    producer.produce("secret", b"said")

    assert producer.flush(10) == 0
    assert asyncio.run(first_value(told, "secret")) == b"said"


def test_a_wrong_password_is_told_without_being_shown(bootstrap: str) -> None:
    with pytest.raises(Problem, match="refuses the login: correct MILLRACE_KAFKA_SASL_USERNAME") as refused:
        reach(settings(bootstrap, password="shut-sesame"), ("kafka",))

    assert "sesame" not in str(refused.value)


def test_a_client_without_a_login_is_told_to_look_at_the_protocol(bootstrap: str) -> None:
    with pytest.raises(Problem, match="may also expect another MILLRACE_KAFKA_SECURITY_PROTOCOL"):
        reach(Settings(kafka_bootstrap=bootstrap), ("kafka",), within_s=1.0)


async def first_value(told: Settings, topic: str) -> bytes | None:
    consumer = AIOKafkaConsumer(topic, auto_offset_reset="earliest", isolation_level="read_committed", **aiokafka(told))
    await consumer.start()
    try:
        record = await asyncio.wait_for(consumer.getone(), timeout=10)
        value: bytes | None = record.value
        return value
    finally:
        await consumer.stop()
