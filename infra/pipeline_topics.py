"""The topics of a whole pipeline: what it reads and what it writes, all with the same number of partitions.

But for an input that is keyed anew: that has its own, as ledger and state of the stage have that reads it."""

from collections.abc import Sequence
from time import monotonic

from confluent_kafka.admin import AdminClient

from infra import topics
from infra.feed import KAFKA_WITHIN_S, create_inputs, inputs_there, partitions_there
from infra.settings import Settings, librdkafka
from streams.pipeline import Pipeline
from streams.plan import rekeys, stages, steps
from streams.runtime.bind import check_partitions

MOST_BYTES = 32 << 20
"""Of a record that is rejected or passed on, which is what came and more: inputs take 1 MB unless told otherwise."""

ASKED_MS = 3_600_000
"""How long requests and replies are kept: nobody waits longer for an answer."""


def create(pipeline: Pipeline, settings: Settings, *, partitions: int | None = None) -> int:
    """Create what is missing of the pipeline's topics; returns how many partitions each of them has.

    Without `partitions` the inputs that are there decide, and where none is, one.
    Raises `Problem` where topics disagree about the number, the pipeline cannot learn on so many (before anything is
    created), or Kafka does not answer.
    """
    count = partitions or partitions_there(pipeline, settings)
    check_partitions(pipeline, count)
    create_inputs(pipeline, settings, partitions=count)
    admin = AdminClient({**librdkafka(settings), "log_level": 0})
    named = pipeline.topics(settings.topic_prefix)
    names = stages(pipeline, count)
    between = [named.passed(pipeline.version, step.stage) for step in steps(pipeline, count) if not step.first]
    rekeyed = [named.rekeyed(pipeline.version, each.role) for each in rekeys(pipeline)]
    written = [*named.outputs, *rekeyed, *between]
    specs = [topics.TopicSpec(name=name, partitions=count, most_bytes=MOST_BYTES) for name in written]
    own = reads(pipeline, settings)
    for stage in names:
        many = own.get(stage, count)
        specs.append(topics.TopicSpec(name=named.ledger(pipeline.version, stage), partitions=many))
        specs.append(state_topic(named.state(pipeline.version, stage), partitions=many))
    if pipeline.requests:
        asked = (named.requests, named.replies)
        specs += [topics.TopicSpec(name=name, partitions=count, retention_ms=ASKED_MS) for name in asked]
    topics.ensure(admin, specs, replication_factor=settings.kafka_replication_factor, within_s=KAFKA_WITHIN_S)
    return count


def reads(pipeline: Pipeline, settings: Settings) -> dict[str, int]:
    """How many partitions the input has that a stage keys anew, by the stage's name, where that input is there."""
    there = inputs_there(pipeline, settings) if pipeline.rekey else {}
    return {rekey.stage: there[rekey.role] for rekey in rekeys(pipeline) if rekey.role in there}


def stages_there(pipeline: Pipeline, settings: Settings) -> tuple[str, ...]:
    """The stages that fold the pipeline, on as many partitions as its inputs have; `Problem` as of `create`."""
    count = partitions_there(pipeline, settings)
    check_partitions(pipeline, count)
    return stages(pipeline, count)


def lacking(pipeline: Pipeline, settings: Settings) -> list[str]:
    """Which topics that a sink reads are not there yet. Raises `Problem` as `create` does."""
    named = pipeline.topics(settings.topic_prefix)
    missing = _not_there(settings, named.outputs)
    if missing:  # the inputs need not be there either, and they decide which stages there are
        return missing
    return _not_there(settings, [named.ledger(pipeline.version, stage) for stage in stages_there(pipeline, settings)])


def _not_there(settings: Settings, names: Sequence[str]) -> list[str]:
    admin = AdminClient({**librdkafka(settings), "log_level": 0})
    there = topics.described(admin, names, monotonic() + KAFKA_WITHIN_S)
    return [name for name in names if name not in there]


def state_topic(name: str, *, partitions: int) -> topics.TopicSpec:
    """The topic of a stage's saved state, of which the latest record of each key is kept."""
    return topics.TopicSpec(name=name, partitions=partitions, cleanup="compact")
