"""The sink's membership of its consumer group: what it reads, and offsets that carry intents."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import (
    OFFSET_INVALID,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public names, re-exported without saying so
    AdminClient,
    OffsetSpec,
)

from consumers.intent import Intent, intent_of
from consumers.metrics import SinkMetrics
from consumers.rows import Position, Raw
from schemas.problem import Problem

log = logging.getLogger(__name__)

WITHIN_S = 30.0
CONFIGURATION = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "isolation.level": "read_committed",
    "auto.offset.reset": "error",  # never jump in silence over records that have expired
    "enable.partition.eof": True,  # its position lies behind markers and aborted records, which are no messages
    "session.timeout.ms": 10_000,
    "queued.max.messages.kbytes": 16_384,
}
NOT_NOW = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._WAIT_COORD,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
    }
)
"""Commit again in a while; where the partition is ours no longer, the revocation will say so first."""

Place = tuple[str, int]
"""A topic and a partition of it."""


class Start(NamedTuple):
    """Where an assigned partition is taken up, with the intent that was left open there."""

    place: Place
    offset: int
    intent: Intent | None


class Fetched(NamedTuple):
    """A record; or, without `raw`, that all before the offset of `at` has been read, markers and aborts included."""

    at: Position
    raw: Raw | None


class Commit(NamedTuple):
    """An offset to commit, with an intent or without."""

    place: Place
    offset: int
    intent: Intent | None


class Group:
    """One member of `group`. `on_assigned` and `on_revoked` are called from within `read` and `close`."""

    def __init__(
        self,
        kafka: Mapping[str, str],
        group: str,
        *,
        metrics: SinkMetrics,
        on_assigned: Callable[[Sequence[Start]], None],
        on_revoked: Callable[[Sequence[Place]], None],
    ) -> None:
        self._metrics = metrics
        self._on_assigned, self._on_revoked = on_assigned, on_revoked
        self._consumer = Consumer({**kafka, **CONFIGURATION, "group.id": group, "error_cb": self._count}, logger=log)

    def join(self, topics: Sequence[str]) -> None:
        """Subscribe. Raises `Problem` where a topic does not exist."""
        there = self._consumer.list_topics(timeout=WITHIN_S).topics
        missing = [topic for topic in topics if topic not in there]
        if missing:
            raise Problem(f"topic {', '.join(missing)} does not exist: start `millrace worker` first, it creates them")
        self._consumer.subscribe(list(topics), on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._revoked)

    def read(self, most: int, within_s: float) -> list[Fetched]:
        """Up to `most` records and ends, in order per partition. Raises `Problem` for an error that will not pass."""
        messages = self._consumer.consume(most, timeout=within_s)
        return [found for message in messages if (found := self._fetched(message)) is not None]

    def commit(self, commits: Iterable[Commit]) -> bool:
        """Commit them and wait; False where that has to be tried again, or the partitions are about to be revoked."""
        offsets = [
            TopicPartition(*commit.place, commit.offset, metadata=commit.intent.text() if commit.intent else "")
            for commit in commits
        ]
        try:
            answered = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as failed:
            return self._not_now(failed.args[0])
        return all(one.error is None or self._not_now(one.error) for one in answered or ())

    def pause(self, places: Iterable[Place]) -> None:
        self._consumer.pause([TopicPartition(*place) for place in places])

    def resume(self, places: Iterable[Place]) -> None:
        self._consumer.resume([TopicPartition(*place) for place in places])

    def end(self, place: Place) -> int | None:
        """The end of the partition as the last fetch told it; None where none has yet."""
        offsets = self._consumer.get_watermark_offsets(TopicPartition(*place), cached=True)
        return None if offsets is None or offsets[1] < 0 else int(offsets[1])

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            committed = consumer.committed(partitions, timeout=WITHIN_S) if partitions else []
            starts = [self._start(consumer, found) for found in committed]
        except KafkaException as failed:
            raise Problem(f"Kafka does not tell the sink's offsets ({failed.args[0].str()}): start again") from failed
        consumer.assign([TopicPartition(*start.place, start.offset) for start in starts])
        self._on_assigned(starts)

    def _start(self, consumer: Consumer, found: TopicPartition) -> Start:
        place = (found.topic, found.partition)
        if found.offset == OFFSET_INVALID:
            low, _ = consumer.get_watermark_offsets(TopicPartition(*place), timeout=WITHIN_S)
            return Start(place, low, None)
        intent = intent_of(found.metadata, offset=found.offset, where=f"{found.topic}[{found.partition}]")
        return Start(place, found.offset, intent)

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._on_revoked([(one.topic, one.partition) for one in partitions])

    def _fetched(self, message: Any) -> Fetched | None:
        topic, partition, offset, error = message.topic(), message.partition(), message.offset(), message.error()
        if error is None:
            at = Position(topic, partition, offset, max(0, message.timestamp()[1]))
            return Fetched(at, Raw(message.key(), message.value(), message.headers() or ()))
        if error.code() == KafkaError._PARTITION_EOF:
            return Fetched(Position(topic, partition, offset, 0), None)
        self._complain(f"{topic}[{partition}]", error)
        return None

    def _complain(self, where: str, error: KafkaError) -> None:
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            raise Problem(
                f"{where} does not have the records that the sink has to read next ({error.str()}): they have expired; "
                "give the topic a longer retention and set the group's offset"
            )
        if not error.retriable() and error.code() not in NOT_NOW:
            raise Problem(f"Kafka refuses the sink ({error.str()}): check the topics and what its user may read")
        self._count(error)

    def _not_now(self, error: KafkaError) -> bool:
        self._count(error)
        if error.code() not in NOT_NOW:
            raise Problem(
                f"Kafka refuses the sink's offsets ({error.str()}): check what its user may do with the group"
            )
        return False

    def _count(self, error: KafkaError) -> None:
        self._metrics.errors.labels(error.name()).inc()


def ends(kafka: Mapping[str, str], topics: Sequence[str]) -> dict[Place, int]:
    """The ends of all partitions of `topics`, as a reader of committed records sees them now."""
    admin = AdminClient(dict(kafka), logger=log)
    there = admin.list_topics(timeout=WITHIN_S).topics
    asked = {
        TopicPartition(topic, partition): OffsetSpec.latest()  # type: ignore[no-untyped-call]
        for topic in topics
        if topic in there
        for partition in there[topic].partitions
    }
    answers = (
        admin.list_offsets(asked, request_timeout=WITHIN_S, isolation_level=IsolationLevel.READ_COMMITTED)
        if asked
        else {}
    )
    return {(one.topic, one.partition): answer.result().offset for one, answer in answers.items()}
