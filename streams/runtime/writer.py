"""The transactional producer of one task: outputs and offsets in one commit, and a new owner fences the old."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from schemas.problem import Problem
from streams.runtime.codec import Message
from streams.runtime.task import Group

TIMEOUT_S = 30.0
TRANSACTION_TIMEOUT_MS = 60_000
METADATA_VERSION = 2


class Fenced(Exception):
    """Another worker has taken over this task; what was not committed is its business now."""


class Writer:
    """Commits groups for one partition. Creating it fences every earlier owner and aborts what that left open."""

    def __init__(
        self, kafka: Mapping[str, object], *, transactional_id: str, partition: int, offsets: "Offsets"
    ) -> None:
        self._partition = partition
        self._offsets = offsets
        self._failed: KafkaError | None = None
        self._producer = Producer(
            {
                **kafka,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
                "retry.backoff.ms": 2,
                "linger.ms": 2,
                "compression.type": "lz4",
                "partitioner": "murmur2_random",
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        self._call(self._producer.init_transactions, TIMEOUT_S)

    def commit(self, group: Group, *, seq: int) -> None:
        """Produce the messages and commit them with the positions. Raises `Fenced`, or `Problem` if Kafka is down."""
        self._call(self._producer.begin_transaction)
        self._produce(group.messages)
        positions = self._offsets.positions(self._partition, group, seq=seq)
        self._call(self._producer.send_offsets_to_transaction, positions, self._offsets.membership, TIMEOUT_S)
        self._call(self._producer.commit_transaction, TIMEOUT_S)

    def _produce(self, messages: Sequence[Message]) -> None:
        produce, partition = self._producer.produce, self._partition
        for message in messages:
            produce(
                message.topic,
                value=message.value,
                key=message.key,
                partition=partition,
                timestamp=message.timestamp_ms,
                headers=message.headers,  # type: ignore[arg-type]  # the stubs forget that lists of bytes are fine
            )

    def close(self) -> None:
        """Abort what is open and let go of the connection."""
        try:
            self._producer.abort_transaction(TIMEOUT_S)
        except KafkaException:
            return  # nothing was open, or somebody else has aborted it: either way nothing of ours can appear

    def _call(self, function: object, *arguments: object) -> None:
        try:
            function(*arguments)  # type: ignore[operator]
        except KafkaException as error:
            raise _named(error.args[0]) from error


def _named(error: KafkaError) -> Exception:
    if error.code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH):
        return Fenced(error.str())
    return Problem(f"Kafka did not take a commit ({error.str()}): check the broker; nothing of it is visible")


class Committed(NamedTuple):
    """Per topic where folding began and how far it is committed; what had become of the records up to there."""

    starts: dict[str, int]
    positions: dict[str, int]
    counts: dict[str, int]


class Offsets:
    """The committed positions of a group, and what is written beside them."""

    def __init__(self, kafka: Mapping[str, object], group: str) -> None:
        self._consumer = Consumer({**kafka, "group.id": group, "enable.auto.commit": False})
        self._starts: dict[tuple[str, int], int] = {}

    @property
    def membership(self) -> object:
        """The group, as the transaction coordinator wants it named."""
        return self._consumer.consumer_group_metadata()

    def committed(self, topics: Sequence[str], partition: int) -> Committed:
        """What is committed; before the first commit folding begins at the log's start, and nothing is counted.

        Raises `Problem` where the log no longer reaches back to where folding began, or the offsets are not ours: the
        state cannot be rebuilt.
        """
        asked = [TopicPartition(topic, partition) for topic in topics]
        starts, positions = {}, {}
        counts: dict[str, int] = {}
        for found in self._consumer.committed(asked, timeout=TIMEOUT_S):
            low, _ = self._consumer.get_watermark_offsets(found, timeout=TIMEOUT_S)
            fresh = found.offset < 0
            told: dict[str, Any] = {"start": low, "counts": {}} if fresh else _told(found)
            start, counts = int(told["start"]), told["counts"]
            if start < low:
                raise Problem(
                    f"{found.topic}/{partition} begins at offset {low}, but its state was folded from {start} on: "
                    f"raise the topic's retention, and start a new version of the pipeline"
                )
            starts[found.topic] = self._starts[found.topic, partition] = start
            positions[found.topic] = start if fresh else found.offset
        return Committed(starts, positions, counts)

    def positions(self, partition: int, group: Group, *, seq: int) -> list[TopicPartition]:
        """What a commit says of each input: its position, and beside it what `committed` needs to know."""
        told = {"v": METADATA_VERSION, "seq": seq, "counts": group.counts}
        return [
            TopicPartition(topic, partition, position, json.dumps({**told, "start": self._starts[topic, partition]}))
            for topic, position in group.positions.items()
        ]

    def close(self) -> None:
        self._consumer.close()


def _told(found: TopicPartition) -> dict[str, Any]:
    """What stands beside a committed position. Raises `Problem` where it was not committed by us."""
    told = json.loads(found.metadata or "{}")
    if told.get("v") != METADATA_VERSION:
        raise Problem(
            f"the offset of {found.topic}/{found.partition} was committed by something else: "
            f"delete the group's offsets together with the pipeline's outputs, or start a new version of the pipeline"
        )
    return dict(told)
