"""Kafka itself behind the ports: a consumer that never joins, the admin client, and producers of transactions."""

from collections.abc import Callable, Collection, Iterator, Mapping
from threading import Lock
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from schemas.problem import Outage
from streams.runtime.ports import Facts, Mark
from streams.runtime.raw import Run
from streams.runtime.reader import reread
from streams.runtime.transactions import RealTransactions

TIMEOUT_S = 30.0
PATIENCE_S = 60.0

_PASSING = (
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._TIMED_OUT,
    KafkaError._TRANSPORT,
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._WAIT_COORD,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.REQUEST_TIMED_OUT,
)


class RealKafka:
    """One cluster. A helper consumer per group, which never joins it, says what is committed."""

    def __init__(self, kafka: Mapping[str, object]) -> None:
        self._kafka: dict[str, Any] = dict(kafka)
        self._admin = AdminClient({**self._kafka, "log_level": 0})
        self._groups: dict[str, Consumer] = {}
        self._asking = Lock()

    def transactions(self, transactional_id: str, group: str, partition: int) -> RealTransactions:
        """A producer that fences every earlier one of its id."""
        return RealTransactions(self._kafka, transactional_id, partition, self._consumer(group).consumer_group_metadata)

    def committed(self, group: str, topics: Collection[str], partition: int) -> dict[str, Mark | None]:
        """What the group has committed. Asked of a consumer: the admin client can crash while a coordinator loads."""
        asked = [TopicPartition(topic, partition) for topic in topics]
        told = self._ask(lambda: self._consumer(group).committed(asked, timeout=TIMEOUT_S))
        return {each.topic: Mark(each.offset, each.metadata or "") if each.offset >= 0 else None for each in told}

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """First and next offset."""
        asked = TopicPartition(topic, partition)
        low, high = self._ask(lambda: self._consumer("millrace.reread").get_watermark_offsets(asked, timeout=TIMEOUT_S))
        return low, high

    def since(self, topic: str, partition: int, time_ms: int) -> int:
        """The first offset from a time on."""
        asked = [TopicPartition(topic, partition, time_ms)]
        consumer, end = self._consumer("millrace.reread"), self.bounds(topic, partition)[1]
        (found,) = self._ask(lambda: consumer.offsets_for_times(asked, timeout=TIMEOUT_S))
        if found.error is not None:
            raise Outage(f"Kafka does not say where {topic}/{partition} stood then ({found.error.str()})")
        return int(found.offset) if found.offset >= 0 else end

    def read(self, topic: str, partition: int, start: int, end: int | None = None) -> Iterator[Run]:
        """Committed records from `start`."""
        return reread(self._kafka, topic, partition, start, end)

    def describe(self, topics: Collection[str]) -> dict[str, Facts]:
        """Id and partition count."""

        def told() -> dict[str, Facts]:
            answers = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=TIMEOUT_S)
            found = {topic: answer.result() for topic, answer in answers.items()}
            return {topic: Facts(str(each.topic_id), len(each.partitions)) for topic, each in found.items()}

        facts: dict[str, Facts] = self._ask(told)
        return facts

    def close(self) -> None:
        """Let go of the helper consumers."""
        for consumer in self._groups.values():
            consumer.close()
        self._groups.clear()

    def _consumer(self, group: str) -> Consumer:
        with self._asking:
            if group not in self._groups:
                self._groups[group] = Consumer({**self._kafka, "group.id": group, "enable.auto.commit": False})
            return self._groups[group]

    def _ask(self, question: Callable[[], Any]) -> Any:
        """The answer, asked for again while coordinators and leaders move; `Problem` where none comes in time."""
        try:
            for attempt in _patient():
                with attempt:
                    return question()
        except KafkaException as error:
            raise Outage(f"Kafka does not answer ({error.args[0].str()}): check the broker") from error
        raise AssertionError


def _patient() -> Retrying:
    return Retrying(
        retry=retry_if_exception(_passes),
        wait=wait_exponential(multiplier=0.05, max=1.0),
        stop=stop_after_delay(PATIENCE_S),
        reraise=True,
    )


def _passes(error: BaseException) -> bool:
    """Whether it is one of those errors that go by themselves."""
    return isinstance(error, KafkaException) and (error.args[0].retriable() or error.args[0].code() in _PASSING)
