"""Kafka itself behind the ports: confluent's producer, a consumer that never joins, and the admin client."""

from collections.abc import Callable, Collection, Iterator, Mapping
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_exponential

from schemas.problem import Outage, Problem
from streams.runtime.codec import Message
from streams.runtime.ports import Abortable, Facts, Fenced, Mark, Unknown
from streams.runtime.raw import Run
from streams.runtime.reader import reread

TIMEOUT_S = 30.0
TRANSACTION_TIMEOUT_MS = 9_000
"""Below the session time-out: who has lost the partition has lost the transaction before."""

STUCK_S = TRANSACTION_TIMEOUT_MS / 1000 + 3.0
"""No call to send offsets takes longer, but for those that never come back."""

FULL_S = 0.1
CLOSE_S = 5.0
TRIES = 3
PATIENCE_S = 60.0

_FENCED = (
    KafkaError._FATAL,
    KafkaError._FENCED,
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.INVALID_TXN_STATE,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
)


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


class RealTransactions:
    """The transactional producer of one task. Creating it fences every earlier one of its id."""

    def __init__(
        self, kafka: Mapping[str, object], transactional_id: str, partition: int, membership: Callable[[], object]
    ) -> None:
        self._partition = partition
        self._membership = membership
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
        try:
            self._call(self._producer.init_transactions, TIMEOUT_S)
        except Unknown as error:
            raise Outage(f"Kafka does not answer {transactional_id} ({error}): check the brokers") from error

    def begin(self) -> None:
        """Open a transaction."""
        self._call(self._producer.begin_transaction)

    def produce(self, message: Message) -> None:
        """Add a message in the task's partition; waits where the client's queue is full."""
        topic, key, value, timestamp_ms, headers = message
        while True:
            try:
                self._producer.produce(
                    topic,
                    value=value,
                    key=key,
                    partition=self._partition,
                    timestamp=timestamp_ms,
                    headers=headers,  # type: ignore[arg-type]  # the stubs forget that lists of bytes are fine
                )
            except BufferError:
                self._producer.poll(FULL_S)
            except KafkaException as error:
                raise _named(error.args[0]) from error
            else:
                return

    def send_offsets(self, marks: Mapping[str, Mark]) -> None:
        """Add the group's positions."""
        positions = [TopicPartition(t, self._partition, at, metadata) for t, (at, metadata) in marks.items()]
        self._call(_bounded, self._producer.send_offsets_to_transaction, positions, self._membership(), TIMEOUT_S)

    def commit(self) -> None:
        """Flush and commit. A time-out is asked again, since the answer may still come; after that it is `Unknown`."""
        for _ in range(TRIES):
            try:
                self._producer.commit_transaction(TIMEOUT_S)
            except KafkaException as error:
                if not error.args[0].retriable():
                    raise _of_commit(error.args[0]) from error
            else:
                return
        raise Unknown("the transaction coordinator did not say whether it committed")

    def abort(self) -> None:
        """Take back what is open."""
        self._call(self._producer.abort_transaction, TIMEOUT_S)

    def close(self) -> None:
        """Abort what is open and let go of the connection."""
        try:
            self._producer.abort_transaction(CLOSE_S)
        except KafkaException:
            return  # nothing was open, or somebody else has aborted it: either way nothing of ours can appear

    def _call(self, function: Callable[..., Any], *arguments: object) -> None:
        for left in reversed(range(TRIES)):
            try:
                function(*arguments)
            except KafkaException as error:
                if left and error.args[0].retriable():
                    continue
                raise _named(error.args[0]) from error
            else:
                return


def _bounded(function: Callable[..., object], *arguments: object) -> None:
    """Call `function`, `Unknown` where it does not come back.

    Sending offsets heeds no time-out where the group's coordinator was down when it was looked for (librdkafka 5456).
    Its thread and its producer are left to wait; a new producer fences them.
    """
    answer: SimpleQueue[KafkaException | None] = SimpleQueue()

    def call() -> None:
        try:
            function(*arguments)
        except KafkaException as error:
            answer.put(error)
        else:
            answer.put(None)

    Thread(target=call, daemon=True).start()
    try:
        error = answer.get(timeout=STUCK_S)
    except Empty:
        raise Unknown(f"the client did not come back from sending offsets within {STUCK_S:g} s") from None
    if error is not None:
        raise error


def _of_commit(error: KafkaError) -> Exception:
    """Why a commit failed: refused, or its outcome is not known."""
    named = _named(error)
    return named if isinstance(named, Fenced | Abortable) else Unknown(error.str())


def _named(error: KafkaError) -> Exception:
    if error.code() in _FENCED:
        return Fenced(error.str())
    if error.txn_requires_abort():
        return Abortable(error.str())
    if error.retriable():
        return Unknown(error.str())
    return Problem(f"Kafka did not take a commit ({error.str()}): check the broker; nothing of it is visible")


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

    def read(self, topic: str, partition: int, start: int, end: int | None = None) -> Iterator[Run]:
        """Committed records from `start`."""
        return reread(self._kafka, topic, partition, start, end)

    def describe(self, topics: Collection[str]) -> dict[str, Facts]:
        """Id and partition count."""
        told = self._admin.describe_topics(TopicCollection(list(topics)), request_timeout=TIMEOUT_S)
        facts = {}
        for topic, answer in told.items():
            found = self._ask(answer.result)
            facts[topic] = Facts(str(found.topic_id), len(found.partitions))
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
