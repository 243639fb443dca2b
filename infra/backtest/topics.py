"""The log that stands on a pipeline's input topics: from their beginning to where they end now."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from time import monotonic

from confluent_kafka.admin import AdminClient

from infra import topics
from infra.backtest.alike import require_same_key
from infra.backtest.log import Log, Part, Pulled
from infra.feed import KAFKA_WITHIN_S
from infra.settings import Settings, librdkafka, reach, schema_registry
from schemas.problem import Problem
from schemas.registry import Registry
from streams.pipeline import Pipeline
from streams.plan import require_one_step
from streams.runtime.bind import check_partitions, score_sources
from streams.runtime.codec import Source
from streams.runtime.kafka import RealKafka

Bounds = dict[str, tuple[int, int]]


@contextmanager
def from_topics(pipelines: Sequence[Pipeline], settings: Settings) -> Iterator[Log]:
    """The topics that the first of `pipelines` reads, decoded as a worker does; nothing is created or committed.

    Raises `Problem` where a topic is missing, they differ in their number of partitions or do not fit all pipelines, or
    a server does not answer.
    """
    pipeline = pipelines[0]
    require_same_key(pipelines)
    reach(settings, ("kafka", "schema_registry"))
    with Registry(schema_registry(settings)) as registry:
        sources = score_sources(pipeline, pipeline.topics(settings.topic_prefix), registry)
        partitions = _partitions(pipeline, settings, sources)
        for each in pipelines:
            check_partitions(each, partitions)
            require_one_step(each, partitions, "a backtest")
        kafka = RealKafka(librdkafka(settings))
        try:
            yield _log(kafka, sources, partitions)
        finally:
            kafka.close()


def _partitions(pipeline: Pipeline, settings: Settings, sources: list[Source]) -> int:
    names, named = [source.topic for source in sources], pipeline.topics(settings.topic_prefix)
    admin = AdminClient({**librdkafka(settings), "log_level": 0})
    there = topics.described(admin, names, monotonic() + KAFKA_WITHIN_S)
    for name in names:
        if name not in there:
            first = ""
            if name in {named.rekeyed(pipeline.version, role) for role in pipeline.rekey}:
                first = "start `millrace worker`, which makes it as rekey= says; or "
            raise Problem(
                f"there is no topic {name}: {first}give a file with --events, or check MILLRACE_KAFKA_BOOTSTRAP and "
                f"MILLRACE_TOPIC_PREFIX"
            )
    counts = {name: len(there[name].partitions) for name in names}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name} has {count}" for name, count in counts.items())
        raise Problem(f"the topics of {pipeline.name} need the same number of partitions, but {told}: make them equal")
    return counts[names[0]]


def _log(kafka: RealKafka, sources: list[Source], partitions: int) -> Log:
    bounds = [{s.topic: kafka.bounds(s.topic, number) for s in sources} for number in range(partitions)]
    return Log(
        sources=sources,
        partitions=partitions,
        parts=(_part(kafka, number, each) for number, each in enumerate(bounds)),
        records=sum(high - low for each in bounds for low, high in each.values()),
        place=" and ".join(source.topic for source in sources),
        remarks=[
            f"{topic}/{number} begins at offset {low:,}: what stood before it has expired"
            for number, each in enumerate(bounds)
            for topic, (low, _) in each.items()
            if low > 0
        ],
        more=partial(_more, kafka),
    )


def _more(kafka: RealKafka, number: int, positions: Mapping[str, int]) -> Pulled | None:
    """What stands behind `positions` now."""
    ends = {topic: kafka.bounds(topic, number)[1] for topic in positions}
    come = {topic: (at, ends[topic]) for topic, at in positions.items() if ends[topic] > at}
    return Pulled({topic: kafka.read(topic, number, at, end) for topic, (at, end) in come.items()}) if come else None


def _part(kafka: RealKafka, number: int, bounds: Bounds) -> Part:
    runs = {topic: kafka.read(topic, number, low, high) for topic, (low, high) in bounds.items()}
    return Part(number=number, positions={topic: low for topic, (low, _) in bounds.items()}, feed=Pulled(runs))
