"""The topics `rejected` and `replayed` of one pipeline, read from where one asks to where they end now."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from hashlib import blake2b
from time import monotonic
from typing import cast

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from pydantic_core import to_json

from consumers.kafka import ends
from infra import topics as kafka_topics
from infra.rejected.record import Headers, Rejected, origin_of
from infra.rejected.selection import Selection
from infra.settings import Settings, librdkafka, reach
from schemas.problem import Problem
from schemas.topics import Topics
from streams.pipeline import Pipeline

SILENCE_S = 30.0

silent = logging.Logger("millrace.rejected")  # librdkafka's own lines would say a second time what a Problem says
silent.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedLog:
    """What stood on `rejected` when it was opened. `partitions` are the counts of the inputs that are there."""

    kafka: Mapping[str, str]
    topics: Topics
    ends: dict[int, int]
    partitions: Mapping[str, int]

    def read(self, selection: Selection) -> Iterator[Rejected]:
        """The records that are selected, in order per partition. Raises `Problem` where Kafka does not give them."""
        starts = selection.starts(self.ends)
        for message in _read(self.kafka, self.topics.rejected, starts, self.ends):
            rejected = _rejected(message)
            if selection.takes(rejected):
                yield rejected

    def replay_id(self, rejected: Rejected) -> str:
        """Names for ever the record of an input that was rejected, by however many versions of the pipeline.

        Where it stood may be said of another one, once a topic is made anew; not with the same time and bytes.
        """
        origin = rejected.origin
        if origin is None:
            return f"{self.topics.rejected}/{rejected.partition}@{rejected.offset}"
        where = f"{origin.topic}/{origin.partition}@{origin.offset}"
        if self.topics.input_of(origin.topic) != origin.topic:
            where = rejected.rekeyed_from or where
        told = to_json((origin.timestamp_ms, rejected.key, rejected.value), bytes_mode="base64")
        return f"{where}#{blake2b(told, digest_size=16).hexdigest()}"

    def replayed(self) -> set[str]:
        """The replay ids of all records that have been replayed."""
        there = {p: end for (_, p), end in ends(self.kafka, [self.topics.replayed]).items() if end > 0}
        messages = _read(self.kafka, self.topics.replayed, dict.fromkeys(there, 0), there)
        return {(message.key() or b"").decode() for message in messages}

    def input_of(self, rejected: Rejected) -> str | None:
        """The input topic that the record came from; None where it came from elsewhere, or the topic is gone."""
        topic = self.topics.input_of(rejected.origin.topic) if rejected.origin is not None else None
        return topic if topic in self.partitions else None


def open_log(pipeline: Pipeline, settings: Settings) -> RejectedLog:
    """Look at `rejected` as it is now. Raises `Problem` where it does not exist, or Kafka does not answer."""
    reach(settings, ("kafka",))
    kafka = librdkafka(settings)
    named = pipeline.topics(settings.topic_prefix)
    inputs = {named.events}
    if pipeline.labels is not None and pipeline.labels.event is not None:
        inputs.add(named.labels)
    admin = AdminClient({**kafka}, logger=silent)
    deadline = monotonic() + kafka_topics.WITHIN_S
    there = kafka_topics.described(admin, [named.rejected, *sorted(inputs)], deadline)
    if named.rejected not in there:
        raise Problem(
            f"{pipeline.name} has no topic {named.rejected}: start `millrace worker` first, it creates it; "
            "or check MILLRACE_KAFKA_BOOTSTRAP and MILLRACE_TOPIC_PREFIX"
        )
    return RejectedLog(
        kafka=kafka,
        topics=named,
        ends={p: end for (_, p), end in sorted(ends(kafka, [named.rejected]).items())},
        partitions={name: len(there[name].partitions) for name in inputs if name in there},
    )


def _read(
    kafka: Mapping[str, str], topic: str, starts: Mapping[int, int], until: Mapping[int, int]
) -> Iterator[Message]:
    """Every committed record in `[start, until)` of each partition in `starts`.

    A partition is done when its end is met: the last offset of a transaction is a marker, which nobody is given.
    """
    if not starts:
        return
    configuration = {
        **kafka,
        "group.id": f"{topic}.read",  # never joined, nothing is committed
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    }
    left = set(starts)
    with closing(Consumer(configuration, logger=silent)) as consumer:
        consumer.assign([TopicPartition(topic, p, start) for p, start in starts.items()])
        while left:
            message = consumer.poll(SILENCE_S)
            if message is None:
                raise Problem(f"Kafka has not sent the rest of {topic} within {SILENCE_S:g} s: try again")
            partition, error = cast(int, message.partition()), message.error()
            if error is not None and error.code() != KafkaError._PARTITION_EOF:
                if not error.retriable():
                    raise Problem(f"{topic} cannot be read ({error.str()}): check what the Kafka user may read")
                continue
            offset = cast(int, message.offset())
            if error is not None or offset >= until[partition] - 1:
                left.discard(partition)
            if error is None and offset < until[partition]:
                yield message


def _rejected(message: Message) -> Rejected:
    headers = cast("Headers", message.headers() or [])
    return Rejected(
        partition=cast(int, message.partition()),
        offset=cast(int, message.offset()),
        timestamp_ms=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=headers,
        origin=origin_of(headers),
    )
