"""The topics of a whole pipeline: what it reads and what it writes, all with the same number of partitions."""

from time import monotonic

from confluent_kafka.admin import AdminClient

from infra import topics
from infra.feed import KAFKA_WITHIN_S, create_inputs
from infra.settings import Settings, librdkafka
from streams.pipeline import Pipeline


def create(pipeline: Pipeline, settings: Settings, *, partitions: int | None = None) -> int:
    """Create what is missing of the pipeline's topics; returns how many partitions each of them has.

    Without `partitions` the events topic decides, and where that is missing too, one.
    Raises `Problem` where topics disagree about the number, or Kafka does not answer.
    """
    create_inputs(pipeline, settings, partitions=partitions)
    admin = AdminClient({**librdkafka(settings), "log_level": 0})
    named = pipeline.topics(settings.topic_prefix)
    described = topics.described(admin, [named.events], monotonic() + KAFKA_WITHIN_S)
    count = len(described[named.events].partitions)
    specs = [topics.TopicSpec(name=name, partitions=count) for name in named.outputs]
    topics.ensure(admin, specs, replication_factor=settings.kafka_replication_factor, within_s=KAFKA_WITHIN_S)
    return count
