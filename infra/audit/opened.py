"""The stages of a pipeline as Kafka has them: their ledgers opened for reading, nothing created."""

import re
from collections.abc import Collection, Container, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from infra.settings import Settings, librdkafka, reach, schema_registry
from infra.settings.signing import signer
from schemas.problem import Problem
from schemas.registry import Registry
from schemas.topics import Topics
from streams.pipeline import Pipeline
from streams.plan import MONITOR, SCORE, stages
from streams.runtime.audit import Auditor
from streams.runtime.bind import bind, check_stage
from streams.runtime.kafka import TIMEOUT_S, RealKafka
from streams.runtime.ledger import Signer
from streams.runtime.task import Binding


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """One stage whose ledger there is. `alone`: it is the only version that has written to the output topics."""

    pipeline: Pipeline
    topics: Topics
    binding: Binding
    kafka: RealKafka
    registry: Registry
    admin: AdminClient
    signer: Signer | None
    alone: bool

    @property
    def stage(self) -> str:
        return self.binding.stage.name

    @property
    def auditor(self) -> Auditor:
        return Auditor(binding=self.binding, kafka=self.kafka, signer=self.signer, alone=self.alone)


@contextmanager
def opened(pipeline: Pipeline, settings: Settings, stage: str | None = None) -> Iterator[list[Opened]]:
    """All stages, or the one named, whose ledger there is.

    Raises `Problem` where there is no such stage, the ledger of one is missing while others are there, or a server does
    not answer.
    """
    reach(settings, ("kafka", "schema_registry"))
    configuration = librdkafka(settings)
    admin = AdminClient({**configuration, "log_level": 0})
    there = _partitions(admin)
    topics = pipeline.topics(settings.topic_prefix)
    count = there.get(topics.ledger(pipeline.version, SCORE), there.get(topics.ledger(pipeline.version, MONITOR), 1))
    if stage is not None:
        check_stage(pipeline, count, stage)
    with ExitStack() as closing:
        registry = closing.enter_context(Registry(schema_registry(settings)))
        kafka = RealKafka(configuration)
        closing.callback(kafka.close)
        found = []
        wanted = stages(pipeline, count) if stage is None else (stage,)
        ledgers = {name: topics.ledger(pipeline.version, name) for name in wanted}
        _refuse_some_missing(ledgers.values(), there)
        for name, ledger in ledgers.items():
            if ledger not in there:
                continue
            binding = bind(
                pipeline,
                name,
                prefix=settings.topic_prefix,
                registry=registry,
                partitions=count,
                reads=there[ledger],
            )
            found.append(
                Opened(
                    pipeline=pipeline,
                    topics=topics,
                    binding=binding,
                    kafka=kafka,
                    registry=registry,
                    admin=admin,
                    signer=signer(settings),
                    alone=_alone(topics, name, there),
                )
            )
        yield found


def numbers(stage: Opened, partition: int | None) -> range:
    """The partitions that are meant: this one, or all. Raises `Problem` where there is no such one."""
    count = stage.binding.partitions
    if partition is None:
        return range(count)
    if partition >= count:
        raise Problem(f"{stage.binding.ledger.topic} has no partition {partition}: it has {count}, counted from 0")
    return range(partition, partition + 1)


def not_begun(pipeline: Pipeline, settings: Settings) -> Problem:
    """What to say where no stage has a ledger."""
    name = pipeline.topics(settings.topic_prefix).ledger(pipeline.version, SCORE)
    return Problem(
        f"{pipeline.name} has no ledger yet (there is no topic {name}): start `millrace worker` first; or check "
        f"MILLRACE_KAFKA_BOOTSTRAP, MILLRACE_TOPIC_PREFIX and the version of the pipeline"
    )


def _refuse_some_missing(ledgers: Collection[str], there: Container[str]) -> None:
    """The ledgers of all stages are made at once: where one is missing, somebody has deleted it."""
    missing = [each for each in ledgers if each not in there]
    if missing and len(missing) < len(ledgers):
        raise Problem(
            f"{', '.join(missing)} is missing while other stages have their ledger: what it held is lost, so nothing "
            "can be said about that stage; restore the topic, or run the pipeline as its next version"
        )


def _partitions(admin: AdminClient) -> dict[str, int]:
    """How many partitions each topic has."""
    try:
        return {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=TIMEOUT_S).topics.items()}
    except KafkaException as error:
        raise Problem(f"Kafka does not say which topics there are ({error.args[0].str()}): check the broker") from error


def _alone(topics: Topics, stage: str, there: dict[str, int]) -> bool:
    versions = re.compile(re.escape(topics.named("v")) + rf"\d+\.{re.escape(stage)}\.ledger")
    return sum(versions.fullmatch(name) is not None for name in there) == 1
