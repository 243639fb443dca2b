"""The score stage driven in the test's own process: owned, folded as its inputs arrive, saved, let go of."""

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from infra.audit.opened import Opened, opened
from infra.cli import app
from infra.feed import feed
from infra.pipeline_topics import create
from infra.settings import Settings, librdkafka
from producers.known import Known
from streams.load import load
from streams.runtime.owner import Owner
from tests.integration.harness import environment

ARRIVING = 60
SAVED_AFTER = 2
SENT_S = 30.0


@contextmanager
def scoring(settings: Settings, target: str) -> Iterator[Opened]:
    """The score stage, opened as the tools open it."""
    with opened(load(target), settings, "score") as found:
        yield found[0]


def given(settings: Settings, target: str, records: Iterator[Known], *, partitions: int) -> None:
    """Topics, and what stands on the inputs before anything is folded."""
    pipeline = load(target)
    create(pipeline, settings, partitions=partitions)
    feed(pipeline, records, settings)


def fold(stage: Opened, *, accept: bool = False) -> None:
    """Fold every partition to the end of its inputs, a batch for every 60 offsets of each, saved after the second."""
    for partition in range(stage.binding.partitions):
        owner = Owner(binding=stage.binding, kafka=stage.kafka, signer=stage.signer, accept=accept)
        owned = owner.own(partition)
        try:
            ends = {topic: stage.kafka.bounds(topic, partition)[1] for topic in stage.binding.topics}
            batches = 0
            while owned.task.positions != ends:
                for topic, position in owned.task.positions.items():
                    for run in stage.kafka.read(topic, partition, position, min(position + ARRIVING, ends[topic])):
                        assert owned.deliver(run)
                assert owned.advance()
                batches += 1
                if batches == SAVED_AFTER:
                    owned.save()
        finally:
            owned.close()


def ask(settings: Settings, *arguments: str) -> Result:
    """A command in this process; a `Problem` is raised."""
    return CliRunner().invoke(app, list(arguments), env=environment(settings), catch_exceptions=False)


def put(settings: Settings, topic: str, partition: int, key: bytes | None, value: bytes | None) -> None:
    """One record of a producer that is nobody's."""
    producer = Producer({**librdkafka(settings)})
    producer.produce(topic, value, key, partition=partition)
    assert producer.flush(SENT_S) == 0
