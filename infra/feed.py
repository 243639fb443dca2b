"""Feeding a pipeline: its input topics created, its schemas registered, records published."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from confluent_kafka.admin import AdminClient

from infra import topics
from infra.settings import Settings, librdkafka, schema_registry
from producers.known import Kind, Known
from producers.pace import Pace
from producers.publish import Publisher, Route, publish
from schemas.registry import Registry
from streams.pipeline import Pipeline

KAFKA_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fed:
    """What Kafka took, and how long it took it."""

    events: int
    labels: int
    seconds: float
    created: tuple[str, ...]
    """The topics that were not there before."""


def create_inputs(pipeline: Pipeline, settings: Settings, *, partitions: int | None) -> tuple[str, ...]:
    """Create the topics that the pipeline reads, where they are missing; returns the names of those created.

    Without `partitions` a topic that is there keeps its number and new ones get the same, or one.
    Raises `Problem` where one exists with another number of partitions, or Kafka does not answer.
    """
    admin = AdminClient({**librdkafka(settings), "log_level": 0})
    names = list(_inputs(pipeline, settings).values())
    count = partitions or partitions_there(pipeline, settings)
    specs = [topics.TopicSpec(name=name, partitions=count) for name in names]
    return topics.ensure(admin, specs, replication_factor=settings.kafka_replication_factor, within_s=KAFKA_WITHIN_S)


def partitions_there(pipeline: Pipeline, settings: Settings) -> int:
    """How many partitions the largest topic has that the pipeline reads; 1 where none is there yet.

    Raises `Problem` where Kafka does not answer.
    """
    admin = AdminClient({**librdkafka(settings), "log_level": 0})
    there = topics.described(admin, list(_inputs(pipeline, settings).values()), monotonic() + KAFKA_WITHIN_S)
    return max((len(topic.partitions) for topic in there.values()), default=1)


def feed(
    pipeline: Pipeline,
    records: Iterable[Known],
    settings: Settings,
    *,
    partitions: int | None = None,
    pace: Pace | None = None,
    progress: Callable[[Known], None] | None = None,
) -> Fed:
    """Publish `records` to the pipeline's events and labels, creating what is missing; all are delivered on return.

    Raises `Problem` where Kafka or the registry refuses or does not answer.
    """
    created = create_inputs(pipeline, settings, partitions=partitions)
    publisher = Publisher(librdkafka(settings), routes(pipeline, settings))
    start = monotonic()
    publish(publisher, records, pace=pace or Pace(), progress=progress)
    return Fed(
        events=publisher.sent[Kind.EVENT],
        labels=publisher.sent.get(Kind.LABEL, 0),
        seconds=monotonic() - start,
        created=created,
    )


def routes(pipeline: Pipeline, settings: Settings) -> dict[Kind, Route]:
    """How records of each kind travel; registers their schemas. Raises `Problem` where the registry refuses."""
    models = {Kind.EVENT: pipeline.event}
    if pipeline.labels is not None and pipeline.labels.event is not None:
        models[Kind.LABEL] = pipeline.labels.event
    keys = {Kind.EVENT: pipeline.key, Kind.LABEL: pipeline.label_key}
    with Registry(schema_registry(settings)) as registry:
        return {
            kind: Route(models[kind], topic=topic, key=keys[kind], registry=registry)
            for kind, topic in _inputs(pipeline, settings).items()
        }


def _inputs(pipeline: Pipeline, settings: Settings) -> dict[Kind, str]:
    """The topics that the pipeline reads: events, and labels where they have their own."""
    named = pipeline.topics(settings.topic_prefix)
    inputs = {Kind.EVENT: named.events}
    if pipeline.labels is not None and pipeline.labels.event is not None:
        inputs[Kind.LABEL] = named.labels
    return inputs
