"""Scored topics, read as typed values."""

from collections.abc import Generator, Mapping
from contextlib import closing

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from consumers.kafka import WITHIN_S, ends
from schemas.decode import own_decoder
from schemas.problem import Problem
from schemas.registry import Registry
from schemas.scored import Scored

POLL_S = 0.5
CONFIGURATION = {
    "isolation.level": "read_committed",
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
}


def follow(kafka: Mapping[str, str], registry: Registry, topic: str, *, group: str) -> Generator[Scored]:
    """Scores as they come, for ever, shared among the members of `group`; break off to leave it.

    A score is done with when the next one is asked for: after a crash the last may come again. `kafka` is librdkafka's
    configuration. Raises `Reject` for a record that is no score and `Problem` where Kafka refuses.
    """
    configuration = {**kafka, **CONFIGURATION, "group.id": group}
    with closing(Consumer(configuration)) as consumer:
        decode = own_decoder(Scored, registry)
        consumer.subscribe([topic])
        while True:
            message = consumer.poll(POLL_S)
            if message is not None and _sound(message):
                yield Scored(**decode(message.value()))
                consumer.store_offsets(message)


def read(kafka: Mapping[str, str], registry: Registry, topic: str) -> Generator[Scored]:
    """Every score that stands on `topic` now, in order per partition, from the beginning to the end.

    Leaves no trace in Kafka. Raises as `follow` does.

        for scored in read({"bootstrap.servers": "localhost:9092"}, registry, "payments.scored"):
            ...
    """
    open_ends = {place: end for place, end in ends(kafka, [topic]).items() if end > 0}
    configuration = {**kafka, **CONFIGURATION, "group.id": f"{topic}.read", "enable.partition.eof": True}
    with closing(Consumer({**configuration, "enable.auto.commit": False})) as consumer:
        decode = own_decoder(Scored, registry)
        consumer.assign([TopicPartition(*place, OFFSET_BEGINNING) for place in open_ends])
        while open_ends:
            message = consumer.poll(WITHIN_S)
            if message is None:
                raise Problem(f"Kafka has not sent the rest of {topic} within {WITHIN_S:g} s: try again")
            place = (str(message.topic()), int(message.partition() or 0))
            end, offset = open_ends.get(place, 0), int(message.offset() or 0)
            if _sound(message) and offset < end:
                yield Scored(**decode(message.value()))
            if message.error() is not None or offset + 1 >= end:
                open_ends.pop(place, None)


def _sound(message: Message) -> bool:
    """Whether it is a record; False for an end of a partition. Raises `Problem` for any other error."""
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF and not error.retriable():
        raise Problem(f"Kafka refuses {message.topic()} ({error.str()}): check the topic and what the user may read")
    return error is None
