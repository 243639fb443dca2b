"""The log that stands on a pipeline's input topics: from their beginning to where they end now."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from time import monotonic

from confluent_kafka.admin import AdminClient

from consumers.kafka import Place
from infra import topics
from infra.backtest.alike import require_same_key
from infra.backtest.log import Log, Part, Pulled
from infra.feed import KAFKA_WITHIN_S
from infra.settings import Settings, librdkafka, reach, schema_registry
from schemas.problem import Problem
from schemas.registry import Registry
from streams.pipeline import Pipeline
from streams.plan import steps
from streams.runtime.bind import check_partitions, score_sources
from streams.runtime.codec import Source
from streams.runtime.kafka import RealKafka
from streams.runtime.raw import Run

Bounds = Mapping[Place, tuple[int, int]]


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
        together = any(len(steps(each, partitions)) > 1 for each in pipelines)
        kafka = RealKafka(librdkafka(settings))
        try:
            yield _log(kafka, sources, partitions, together=together)
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


def _log(kafka: RealKafka, sources: list[Source], partitions: int, *, together: bool) -> Log:
    """Partition by partition; or all `together`, in one order, where what is read of one is passed on to others."""
    numbers = [tuple(range(partitions))] if together else [(number,) for number in range(partitions)]
    parts = [{(source.topic, n): kafka.bounds(source.topic, n) for source in sources for n in each} for each in numbers]
    every = [bounds for part in parts for bounds in part.items()]
    return Log(
        sources=[source for source in sources for _ in numbers[0]],
        partitions=partitions,
        parts=(_part(kafka, each, bounds) for each, bounds in zip(numbers, parts, strict=True)),
        records=sum(high - low for _, (low, high) in every),
        place=" and ".join(source.topic for source in sources),
        remarks=[
            f"{_name(place)} begins at offset {low:,}: what stood before it has expired"
            for place, (low, _) in every
            if low > 0
        ],
        more=partial(_more, kafka, parts),
    )


def _more(kafka: RealKafka, parts: Sequence[Bounds], at: int, positions: Mapping[str, int]) -> Pulled | None:
    """What stands behind `positions` now."""
    stood = {place: positions[_name(place)] for place in parts[at]}
    ends = {place: kafka.bounds(*place)[1] for place in stood}
    come = {place: (position, ends[place]) for place, position in stood.items() if ends[place] > position}
    return _pulled(kafka, come) if come else None


def _part(kafka: RealKafka, numbers: Sequence[int], bounds: Bounds) -> Part:
    return Part(
        numbers=numbers, positions={_name(at): low for at, (low, _) in bounds.items()}, feed=_pulled(kafka, bounds)
    )


def _pulled(kafka: RealKafka, bounds: Bounds) -> Pulled:
    """What stands within `bounds`."""
    return Pulled({_name(place): _runs(kafka, place, *each) for place, each in bounds.items()})


def _runs(kafka: RealKafka, place: Place, low: int, high: int) -> Iterator[Run]:
    return (run._replace(topic=_name(place)) for run in kafka.read(*place, low, high))


def _name(place: Place) -> str:
    """What an input is called among those of a part."""
    topic, number = place
    return f"{topic}/{number}"
