"""The sink's membership of its consumer group: what it reads, and offsets that carry intents."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from consumers.intent import Intent
from consumers.kafka import CONFIGURATION, WITHIN_S, Place, passes
from consumers.metrics import SinkMetrics
from consumers.rows import Position, Raw
from consumers.start import Start, starts
from schemas.problem import Problem

log = logging.getLogger(__name__)


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
    """One member of `group`. `on_assigned` is called from within `read`, `on_revoked` from `close` too."""

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
        self._starts: list[Start] = []
        self._turned = False
        self._leaving = False
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
        self._turned = False
        messages = self._consumer.consume(most, timeout=within_s)
        if self._turned and messages:
            # which of them were fetched before the partitions changed hands cannot be told: read them again
            self._consumer.assign([TopicPartition(*start.place, start.offset) for start in self._starts])
            return []
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
        """Leave the group. What it still gives us is not taken up: a consumer that closes tells no offsets."""
        self._leaving = True
        self._consumer.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        if self._leaving:
            return
        self._turned = True
        self._starts = starts(consumer, partitions)
        consumer.assign([TopicPartition(*start.place, start.offset) for start in self._starts])
        self._on_assigned(self._starts)

    def _revoked(self, _: Consumer, partitions: list[TopicPartition]) -> None:
        self._turned, self._starts = True, []
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
        if not passes(error):
            raise Problem(f"Kafka refuses the sink ({error.str()}): check the topics and what its user may read")
        self._count(error)

    def _not_now(self, error: KafkaError) -> bool:
        self._count(error)
        if not passes(error):
            raise Problem(
                f"Kafka refuses the sink's offsets ({error.str()}): check what its user may do with the group"
            )
        return False

    def _count(self, error: KafkaError) -> None:
        self._metrics.errors(error.name()).inc()
