"""An output that its topic does not take stops its task by name, and nothing of it becomes visible."""

from random import randbytes

import pytest
from confluent_kafka.admin import AdminClient

from infra.settings import Settings, librdkafka
from infra.topics import TopicSpec, ensure
from schemas.problem import Problem
from streams.runtime.codec import Message
from streams.runtime.kafka import RealKafka
from tests.integration.harness import read

pytestmark = pytest.mark.servers


def test_an_output_that_is_larger_than_its_topic_takes_is_told_with_the_cure(settings: Settings) -> None:
    topic, kafka = f"{settings.topic_prefix}narrow", RealKafka(librdkafka(settings))
    ensure(AdminClient({**librdkafka(settings)}), [TopicSpec(name=topic, partitions=1, most_bytes=10_000)])
    transactions = kafka.transactions(topic, topic, 0)
    transactions.begin()
    for size in (1_000, 20_000):
        transactions.produce(Message(topic, b"k", randbytes(size), 1, [], None))

    with pytest.raises(Problem, match=r"larger than its topic takes .*max\.message\.bytes"):
        transactions.commit()

    transactions.close()
    kafka.close()
    assert read(settings, topic) == []
