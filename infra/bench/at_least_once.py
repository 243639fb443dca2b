"""The other arm of `bench guarantees`: same transport, merge, fold and codec; no ledger, checkpoint or transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka import Message as Delivered

from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.codec import Message
from streams.runtime.due import Due
from streams.runtime.ledger import Chain, Work
from streams.runtime.owned import Batch, Owned
from streams.runtime.owner import Owner
from streams.runtime.ports import Mark, Transactions
from streams.runtime.recovery import Beside
from streams.runtime.slices import Slices
from streams.runtime.task import Task

TIMEOUT_S = 30.0
NOTHING = Work(starts={}, ends={}, counts={})


class Plain:
    """An idempotent producer, flushed before the positions are committed: what was sent may be sent again.

    Positions go to a group of their own: that of the worker has a member, and takes them from nobody else.
    """

    def __init__(self, kafka: Mapping[str, object], group: str, partition: int) -> None:
        self._partition = partition
        self._marks: Mapping[str, Mark] = {}
        self._failed: KafkaError | None = None
        self._offsets = Consumer({**kafka, "group.id": f"{group}.positions", "enable.auto.commit": False})
        self._producer = Producer(
            {
                **kafka,
                "enable.idempotence": True,
                "linger.ms": 2,
                "compression.type": "lz4",
                "partitioner": "murmur2_random",
                "queue.buffering.max.messages": 1_000_000,
                "on_delivery": self._delivered,
            }
        )

    def begin(self) -> None:
        """Nothing to open."""

    def produce(self, message: Message) -> None:
        """Send a message, in the task's partition."""
        topic, key, value, timestamp_ms, headers, partition = message
        self._producer.produce(
            topic,
            value=value,
            key=key,
            partition=self._partition if partition is None else partition,
            timestamp=timestamp_ms,
            headers=headers,  # type: ignore[arg-type]  # the stubs forget that lists of bytes are fine
        )

    def send_offsets(self, marks: Mapping[str, Mark]) -> None:
        """Remember the positions until the flush."""
        self._marks = marks

    def commit(self) -> None:
        """Flush, then commit the positions."""
        left = self._producer.flush(TIMEOUT_S)
        if left or self._failed is not None:
            raise Problem(f"Kafka did not take an output ({self._failed or 'time-out'}): check the brokers")
        positions = [TopicPartition(topic, self._partition, mark.offset) for topic, mark in self._marks.items()]
        self._offsets.commit(offsets=positions, asynchronous=False)

    def abort(self) -> None:
        """Nothing can be taken back."""

    def close(self) -> None:
        """Let go of the connections."""
        self._producer.flush(TIMEOUT_S)
        self._offsets.close()

    def _delivered(self, error: KafkaError | None, _: Delivered) -> None:
        self._failed = self._failed or error


class PlainTask(Task):
    """A task that says nothing of what it did: no counts, no hash."""

    def _work(self, *_: Any) -> Work:
        return NOTHING


class PlainOwned(Owned):
    """A task that commits messages and positions, and no word about them."""

    def folding(self, limit: int, size: int) -> Slices[Batch | None]:
        """The messages of one group; its entry holds positions alone and is never written."""
        before = sum(self.task.positions.values())
        group = yield from self.task.steps(limit, size)
        if group is None:
            return None
        ends = self.task.positions
        return Batch(group.messages, Entry.trusted(records=sum(ends.values()) - before, ends=ends, counts={}))

    def commit(self, batch: Batch) -> None:
        """Send, flush, commit positions."""
        transactions = self.transactions
        transactions.begin()
        for message in batch.messages:
            transactions.produce(message)
        transactions.send_offsets({topic: Mark(end, "") for topic, end in batch.entry.ends.items()})
        transactions.commit()

    def save(self) -> None:
        """Nothing is saved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainOwner(Owner):
    """Takes partitions from their first record on."""

    plain: Callable[[int], Transactions]

    def own(self, partition: int, parked: Owned | None = None) -> Owned:  # noqa: ARG002 (the port's signature)
        """A task at the beginning of its inputs."""
        binding = self.binding
        starts = {topic: self.kafka.bounds(topic, partition)[0] for topic in binding.topics}
        seat = self.seat(partition)
        return PlainOwned(
            seat=seat,
            task=PlainTask(binding, partition, starts),
            chain=Chain(seat.named, None),
            transactions=self.plain(partition),
            told=Beside(0, 0, -1, "", -1, 0),
            checkpoint=Checkpoint(binding.state_topic),
            due=Due(self.clock),
            clock=self.clock,
        )
