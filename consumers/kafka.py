"""What the consumers ask of Kafka's client: how it reads, which of its errors pass, where topics end."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public names, re-exported without saying so
    AdminClient,
    OffsetSpec,
)
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_fixed

from schemas.problem import Outage, Problem

log = logging.getLogger(__name__)

T = TypeVar("T")
Place = tuple[str, int]
"""A topic and a partition of it."""

WITHIN_S = 30.0
AGAIN_S = 0.2
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
        KafkaError._NOENT,  # none of the partitions that were asked about has a leader
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
    }
)


def passes(error: KafkaError) -> bool:
    """Whether to go on: it passes by itself, or where a partition is ours no longer, the revocation will say so."""
    return not error.fatal() and (error.retriable() or error.code() in NOT_NOW)


def patiently(ask: Callable[[], T], what: str) -> T:
    """The answer of Kafka, asked for again while a broker stalls or a leader is elected.

    Raises `Outage` where it does not come within `WITHIN_S`, `Problem` where Kafka refuses: it does not tell `what`.
    """
    try:
        return Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, KafkaException) and passes(error.args[0])),
            wait=wait_fixed(AGAIN_S),
            stop=stop_after_delay(WITHIN_S),
            reraise=True,
        )(ask)
    except KafkaException as failed:
        error = failed.args[0]
        kind = Outage if passes(error) else Problem
        raise kind(f"Kafka does not tell {what} ({error.str()}): check the brokers") from failed


def ends(kafka: Mapping[str, str], topics: Sequence[str]) -> dict[Place, int]:
    """The ends of all partitions of `topics`, as a reader of committed records sees them now.

    Raises as `patiently` does.
    """
    admin = AdminClient(dict(kafka), logger=log)
    there = patiently(lambda: admin.list_topics(timeout=WITHIN_S).topics, "which topics there are")
    places = [(topic, partition) for topic in topics if topic in there for partition in there[topic].partitions]
    return ends_of(admin, places, IsolationLevel.READ_COMMITTED) if places else {}


def ends_of(admin: AdminClient, places: Iterable[Place], isolation: IsolationLevel) -> dict[Place, int]:
    """Where these partitions end for a reader of this isolation. Raises as `patiently` does."""
    asked = {TopicPartition(*place): OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]

    def ask() -> dict[Place, int]:
        answers = admin.list_offsets(asked, request_timeout=WITHIN_S, isolation_level=isolation)
        return {(one.topic, one.partition): answer.result().offset for one, answer in answers.items()}

    return patiently(ask, f"where {', '.join(sorted({one.topic for one in asked}))} end")
