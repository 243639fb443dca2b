"""Feeding a pipeline: its input topics created, its schemas registered, records published."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic

from confluent_kafka.admin import AdminClient

from infra import topics
from infra.settings import Settings, librdkafka, schema_registry
from producers.known import Kind, Known
from producers.pace import Pace
from producers.publish import Publisher, Route, Values, publish
from schemas.problem import Problem
from schemas.registry import Registry
from streams.pipeline import Pipeline
from streams.stage import Role

KAFKA_WITHIN_S = 15.0
KINDS = {Role.EVENTS: Kind.EVENT, Role.LABELS: Kind.LABEL}


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
    Raises `Problem` where one exists with another number of partitions and is not keyed anew, or Kafka does not answer.
    """
    admin = AdminClient({**librdkafka(settings), "log_level": 0})
    count, there = partitions or partitions_there(pipeline, settings), inputs_there(pipeline, settings)
    for role, many in there.items():
        if many != count and role not in pipeline.rekey:
            raise _uneven(pipeline, settings, role, there, count)
    specs = [
        topics.TopicSpec(name=name, partitions=there.get(role, count))
        for role, name in _inputs(pipeline, settings).items()
    ]
    return topics.ensure(admin, specs, replication_factor=settings.kafka_replication_factor, within_s=KAFKA_WITHIN_S)


def partitions_there(pipeline: Pipeline, settings: Settings) -> int:
    """How many partitions the pipeline has: as many as the largest of its inputs that are not keyed anew.

    Where none such is there: as many as what was keyed anew, or else scored; or as the largest of all inputs, or 1.
    Raises `Problem` where Kafka does not answer.
    """
    named, inputs = pipeline.topics(settings.topic_prefix), _inputs(pipeline, settings)
    as_they_are = [topic for role, topic in inputs.items() if role not in pipeline.rekey]
    rekeyed = [named.rekeyed(pipeline.version, role) for role in pipeline.rekey]
    there = _counts(settings, [*inputs.values(), *rekeyed, named.scored])
    for decide in (as_they_are, rekeyed, [named.scored] if rekeyed else [], inputs.values()):
        counts = [there[topic] for topic in decide if topic in there]
        if counts:
            return max(counts)
    return 1


def inputs_there(pipeline: Pipeline, settings: Settings) -> dict[Role, int]:
    """How many partitions each input has that is there. Raises `Problem` where Kafka does not answer."""
    inputs = _inputs(pipeline, settings)
    there = _counts(settings, list(inputs.values()))
    return {role: there[topic] for role, topic in inputs.items() if topic in there}


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


def values(pipeline: Pipeline) -> dict[Kind, Values]:
    """How records of each kind are encoded, under no registry's schema id."""
    return {KINDS[role]: Values(model, 0) for role, (model, _) in pipeline.inputs.items()}


def routes(pipeline: Pipeline, settings: Settings) -> dict[Kind, Route]:
    """How records of each kind travel; registers their schemas. Raises `Problem` where the registry refuses."""
    named = pipeline.topics(settings.topic_prefix)
    with Registry(schema_registry(settings)) as registry:
        return {
            KINDS[role]: Route(model, topic=named.input(role), key=key, registry=registry)
            for role, (model, key) in pipeline.inputs.items()
        }


def _inputs(pipeline: Pipeline, settings: Settings) -> dict[Role, str]:
    """The topics that the pipeline reads."""
    named = pipeline.topics(settings.topic_prefix)
    return {role: named.input(role) for role in pipeline.inputs}


def _counts(settings: Settings, names: list[str]) -> dict[str, int]:
    """How many partitions those have that are there."""
    admin = AdminClient({**librdkafka(settings), "log_level": 0})
    there = topics.described(admin, names, monotonic() + KAFKA_WITHIN_S)
    return {name: len(topic.partitions) for name, topic in there.items()}


def _uneven(pipeline: Pipeline, settings: Settings, role: Role, there: dict[Role, int], count: int) -> Problem:
    """What to say of an input that has another number of partitions than is needed."""
    anew = ", ".join(f'"{each}"' for each in (Role.EVENTS, Role.LABELS) if each is role or each in pipeline.rekey)
    comma = "" if pipeline.rekey else ","
    return Problem(
        f"topic {_inputs(pipeline, settings)[role]} has partitions {there[role]}, and {count} is needed: delete the "
        f"topic if its records may go, name another, or write rekey=({anew}{comma}) in the definition to key it anew"
    )
