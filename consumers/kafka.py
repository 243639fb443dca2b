"""What the consumers ask of Kafka's client: how it reads, which of its errors pass, where topics end."""

import logging
from collections.abc import Iterable, Mapping, Sequence

from confluent_kafka import IsolationLevel, KafkaError, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public names, re-exported without saying so
    AdminClient,
    OffsetSpec,
)

log = logging.getLogger(__name__)

Place = tuple[str, int]
"""A topic and a partition of it."""

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
        KafkaError._ASSIGNMENT_LOST,
        KafkaError._MAX_POLL_EXCEEDED,
    }
)


def passes(error: KafkaError) -> bool:
    """Whether to go on: it passes by itself, or where a partition is ours no longer, the revocation will say so."""
    return not error.fatal() and (error.retriable() or error.code() in NOT_NOW)


def ends(kafka: Mapping[str, str], topics: Sequence[str]) -> dict[Place, int]:
    """The ends of all partitions of `topics`, as a reader of committed records sees them now."""
    admin = AdminClient(dict(kafka), logger=log)
    there = admin.list_topics(timeout=WITHIN_S).topics
    places = [(topic, partition) for topic in topics if topic in there for partition in there[topic].partitions]
    return ends_of(admin, places, IsolationLevel.READ_COMMITTED) if places else {}


def ends_of(admin: AdminClient, places: Iterable[Place], isolation: IsolationLevel) -> dict[Place, int]:
    """Where these partitions end for a reader of this isolation. Raises `KafkaException`."""
    asked = {TopicPartition(*place): OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
    answers = admin.list_offsets(asked, request_timeout=WITHIN_S, isolation_level=isolation)
    return {(one.topic, one.partition): answer.result().offset for one, answer in answers.items()}
