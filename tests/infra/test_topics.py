"""Topics on a real broker: made as specified, left alone when they are right, refused when they cannot be mended."""

import time
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource  # type: ignore[attr-defined] # public, not re-exported by name

from infra.topics import AHEAD_MS, FOREVER_MS, TopicSpec, ensure
from schemas.problem import Problem
from tests.servers import Servers

pytestmark = pytest.mark.servers
DAY_MS = 24 * 3_600_000


@pytest.fixture
def admin(servers: Servers) -> AdminClient:
    return AdminClient({"bootstrap.servers": servers.kafka_bootstrap})


@pytest.fixture
def name(admin: AdminClient, prefix: str) -> Iterator[str]:
    """The name of a topic that is gone afterwards."""
    name = f"{prefix}topic"
    yield name
    if name in admin.list_topics(timeout=10).topics:
        admin.delete_topics([name])[name].result(10)


def config(admin: AdminClient, name: str) -> dict[str, str]:
    resource = ConfigResource(ConfigResource.Type.TOPIC, name)
    return {key: entry.value for key, entry in admin.describe_configs([resource])[resource].result(10).items()}


def test_a_topic_is_made_as_specified(admin: AdminClient, name: str) -> None:
    created = ensure(admin, [TopicSpec(name=name, partitions=3, cleanup="compact", retention_ms=DAY_MS)])

    assert created == (name,)
    assert len(admin.list_topics(name, timeout=10).topics[name].partitions) == 3
    assert config(admin, name).items() >= {
        ("cleanup.policy", "compact"),
        ("retention.ms", str(DAY_MS)),
        ("message.timestamp.type", "CreateTime"),
        ("message.timestamp.before.max.ms", str(2**63 - 1)),
        ("message.timestamp.after.max.ms", str(AHEAD_MS)),
    }


def test_a_topic_that_is_right_is_left_alone(admin: AdminClient, name: str) -> None:
    ensure(admin, [TopicSpec(name=name, partitions=1, retention_ms=DAY_MS)])

    assert ensure(admin, [TopicSpec(name=name, partitions=1, retention_ms=FOREVER_MS)]) == ()
    assert config(admin, name)["retention.ms"] == str(DAY_MS)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (lambda name: TopicSpec(name=name, partitions=2), "has partitions 1, and 2 is needed"),
        (
            lambda name: TopicSpec(name=name, partitions=1, timestamp_type="LogAppendTime"),
            "has message.timestamp.type CreateTime, and LogAppendTime is needed",
        ),
        (lambda name: TopicSpec(name=name, partitions=1, cleanup="compact"), "has cleanup.policy delete, and compact"),
    ],
)
def test_a_topic_that_differs_is_refused_before_another_is_made(
    admin: AdminClient, name: str, wanted: Callable[[str], TopicSpec], said: str
) -> None:
    ensure(admin, [TopicSpec(name=name, partitions=1)])

    with pytest.raises(Problem, match=said):
        ensure(admin, [wanted(name), TopicSpec(name=f"{name}-other", partitions=1)])
    assert f"{name}-other" not in admin.list_topics(timeout=10).topics


def test_too_few_brokers_are_told_before_a_topic_is_made(admin: AdminClient, name: str) -> None:
    with pytest.raises(Problem, match="MILLRACE_KAFKA_REPLICATION_FACTOR"):
        ensure(admin, [TopicSpec(name=name, partitions=1)], replication_factor=99)
    assert name not in admin.list_topics(timeout=10).topics


def test_a_name_that_kafka_refuses_is_told(admin: AdminClient) -> None:
    with pytest.raises(Problem, match="Kafka refuses topic not a name"):
        ensure(admin, [TopicSpec(name="not a name", partitions=1)])


def test_a_broker_that_does_not_answer_is_told_in_time() -> None:
    nobody = AdminClient({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    started = time.monotonic()

    with pytest.raises(Problem, match="did not answer about topic any in time"):
        ensure(nobody, [TopicSpec(name="any", partitions=1)], within_s=1.0)
    assert time.monotonic() - started < 5


def test_records_years_old_and_weeks_ahead_are_kept_with_their_time(
    admin: AdminClient, name: str, servers: Servers
) -> None:
    ensure(admin, [TopicSpec(name=name, partitions=1)])
    now_ms = int(time.time() * 1000)
    times_ms = [now_ms - 10 * 365 * DAY_MS, now_ms, now_ms + 30 * DAY_MS]

    produce(servers.kafka_bootstrap, name, times_ms)

    assert [record.timestamp()[1] for record in read(servers.kafka_bootstrap, name, len(times_ms))] == times_ms


def test_a_time_in_the_wrong_unit_is_refused_by_the_broker(admin: AdminClient, name: str, servers: Servers) -> None:
    ensure(admin, [TopicSpec(name=name, partitions=1)])

    with pytest.raises(AssertionError, match="INVALID_TIMESTAMP"):
        produce(servers.kafka_bootstrap, name, [int(time.time() * 1_000_000)])


def produce(bootstrap: str, name: str, times_ms: list[int]) -> None:
    failed: list[str] = []

    def delivered(error: KafkaError | None, _: Message) -> None:
        if error is not None:
            failed.append(error.name())

    producer = Producer({"bootstrap.servers": bootstrap})
    for at_ms in times_ms:
        producer.produce(name, b"x", timestamp=at_ms, on_delivery=delivered)
    assert producer.flush(10) == 0
    assert not failed, failed


def read(bootstrap: str, name: str, count: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": name, "enable.auto.commit": False})
    consumer.assign([TopicPartition(name, 0, 0)])
    try:
        return list(consumer.consume(count, timeout=10))
    finally:
        consumer.close()
