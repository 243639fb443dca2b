"""What arrives in Kafka: order, Kafka times, keys, partitions, values and counts; on real servers."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from aiokafka.partitioner import murmur2
from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from pydantic import BaseModel

from infra.feed import feed
from infra.pipelines.payments import payments
from infra.settings import Settings, schema_registry
from infra.topics import TopicSpec, ensure
from producers.known import Kind, Known
from producers.pace import Pace
from producers.payments import Scenario, tell
from producers.publish import Publisher, Route, publish
from schemas.decode import input_decoder
from schemas.payment import Chargeback, Payment
from schemas.problem import Problem
from schemas.registry import Registry
from tests.servers import Servers

pytestmark = pytest.mark.servers

WITHIN_S = 30.0
PARTITIONS = 3
MODELS: dict[Kind, type[BaseModel]] = {Kind.EVENT: Payment, Kind.LABEL: Chargeback}


@pytest.fixture
def settings(servers: Servers, prefix: str) -> Settings:
    return Settings(
        kafka_bootstrap=servers.kafka_bootstrap, schema_registry_url=servers.registry_url, topic_prefix=prefix
    )


def told(count: int) -> list[Known]:
    scenario = Scenario(days=4, customers=100, terminals=100, silence_days=0.5)
    return list(islice(tell(scenario), count))


def read(servers: Servers, topic: str, partitions: int) -> Iterator[Message]:
    """Every record of `topic`, partition after partition."""
    consumer = Consumer({"bootstrap.servers": servers.kafka_bootstrap, "group.id": topic, "enable.auto.commit": False})
    try:
        for partition in range(partitions):
            begin, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=WITHIN_S)
            consumer.assign([TopicPartition(topic, partition, begin)])
            for _ in range(begin, end):
                message = consumer.poll(WITHIN_S)
                assert message is not None, f"nothing came from {topic} within {WITHIN_S} s"
                assert message.error() is None
                yield message
    finally:
        consumer.close()


def arrived(servers: Servers, settings: Settings, topic: str, model: type[BaseModel]) -> dict[int, list[Any]]:
    """Partition -> (Kafka time, key, decoded record) in the order of their offsets."""
    found: dict[int, list[Any]] = defaultdict(list)
    with Registry(schema_registry(settings)) as registry:
        decode = input_decoder(model, registry)
        for message in read(servers, topic, PARTITIONS):
            kind, time_ms = message.timestamp()
            assert kind == TIMESTAMP_CREATE_TIME
            found[message.partition() or 0].append((time_ms, message.key(), decode(message.value())))
    return found


def expected(records: list[Known], kind: Kind) -> dict[int, list[Any]]:
    """The same, as aiokafka's murmur2 deals it out."""
    found: dict[int, list[Any]] = defaultdict(list)
    for known in records:
        if known.kind is kind:
            key = str(getattr(known.record, payments.key)).encode()
            partition = (murmur2(key) & 0x7FFFFFFF) % PARTITIONS
            found[partition].append((known.time_ms, key, known.record))
    return found


def test_events_and_labels_arrive_in_order_with_their_times_in_the_partitions_of_their_keys(
    servers: Servers, settings: Settings, prefix: str
) -> None:
    records = told(3_000)
    fed = feed(payments, records, settings, partitions=PARTITIONS)

    assert fed.events + fed.labels == len(records)
    assert fed.created == (f"{prefix}payments.events", f"{prefix}payments.labels")
    assert fed.labels > 500
    for kind, topic in zip(Kind, fed.created, strict=True):
        found = arrived(servers, settings, topic, MODELS[kind])
        assert len(found) == PARTITIONS
        assert found == expected(records, kind)


def test_topics_that_exist_keep_their_partitions_unless_others_are_asked_for(settings: Settings) -> None:
    feed(payments, told(10), settings, partitions=2)

    assert feed(payments, told(10), settings).created == ()
    with pytest.raises(Problem, match="partitions 2, and 4 is needed"):
        feed(payments, told(10), settings, partitions=4)


def test_a_full_queue_makes_the_sender_wait_and_loses_nothing(servers: Servers, prefix: str) -> None:
    publisher = narrow(servers, prefix, {"queue.buffering.max.messages": "10"})
    publish(publisher, told(500), pace=Pace())

    assert publisher.delivered == sum(publisher.sent.values()) == 500


def test_records_leave_at_the_asked_rate(servers: Servers, prefix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = narrow(servers, prefix, {})
    waited: list[float] = []
    monkeypatch.setattr(publisher, "wait", waited.append)  # time is not spent, only asked for
    publish(publisher, told(101), pace=Pace(rate_per_s=10))

    assert len(waited) == 100
    assert 9 < waited[-1] <= 10


def test_a_record_too_large_for_its_topic_is_a_problem_that_names_it(servers: Servers, prefix: str) -> None:
    (first,) = told(1)
    huge = first._replace(record=first.record.model_copy(update={"terminal_id": "t" * 2_000_000}))

    with pytest.raises(Problem, match=f"{prefix}events refuses a record for its size"):
        publish(narrow(servers, prefix, {}), [huge], pace=Pace())


def test_a_record_far_ahead_of_the_brokers_clock_is_a_problem(servers: Servers, prefix: str) -> None:
    (first,) = told(1)

    with pytest.raises(Problem, match="refuses a record for its time"):
        publish(narrow(servers, prefix, {}), [first._replace(time_ms=2**42)], pace=Pace())


def test_of_a_batch_the_records_that_are_far_ahead_are_told_of(servers: Servers, prefix: str) -> None:
    mixed = [known._replace(time_ms=2**42) if n in (5, 7) else known for n, known in enumerate(told(10))]

    with pytest.raises(Problem, match="refuses a record for its time"):
        publish(narrow(servers, prefix, {"linger.ms": "500"}), mixed, pace=Pace())


def test_a_broker_that_is_gone_is_a_problem_and_not_silence(servers: Servers, prefix: str) -> None:
    nobody = {"bootstrap.servers": "127.0.0.1:1", "delivery.timeout.ms": "1000", "linger.ms": "0"}
    publisher = narrow(servers, prefix, nobody)

    with pytest.raises(Problem, match=r"did not take a record .*see that all its brokers are up"):
        publish(publisher, told(20), pace=Pace())


def narrow(servers: Servers, prefix: str, configuration: dict[str, str]) -> Publisher:
    """A publisher of its own settings for two topics of one partition."""
    admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap})
    names = {Kind.EVENT: f"{prefix}events", Kind.LABEL: f"{prefix}labels"}
    ensure(admin, [TopicSpec(name=name, partitions=1) for name in names.values()])
    with Registry({"url": servers.registry_url}) as registry:
        routes = {k: Route(MODELS[k], topic=names[k], key="customer_id", registry=registry) for k in Kind}
    return Publisher({"bootstrap.servers": servers.kafka_bootstrap, **configuration}, routes)
