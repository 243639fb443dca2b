"""The transactional producer of one task, in the words of the ports."""

from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from schemas.problem import Outage, Problem
from streams.runtime.codec import Message
from streams.runtime.ports import Abortable, Fenced, Mark, Unknown

TIMEOUT_S = 30.0
TRANSACTION_TIMEOUT_MS = 9_000
"""Below the session time-out: who has lost the partition has lost the transaction before."""

STUCK_S = TRANSACTION_TIMEOUT_MS / 1000 + 3.0
"""No call to send offsets takes longer, but for those that never come back."""

SETTLED_S = 0.002
"""How long after a commit the next transaction begins at the earliest. Its partitions are registered a millisecond
later, and where the markers of the last one are still being written then, librdkafka asks again after 20 ms."""

FULL_S = 0.1
CLOSE_S = 5.0
TRIES = 3

_FENCED = (
    KafkaError._FATAL,
    KafkaError._FENCED,
    KafkaError.PRODUCER_FENCED,
    KafkaError.INVALID_PRODUCER_EPOCH,
    KafkaError.INVALID_TXN_STATE,
    KafkaError.INVALID_PRODUCER_ID_MAPPING,
)

ADMITTED_BYTES = 1_000_000_000
"""As many as librdkafka admits: how large a record may be, its topic decides."""


class RealTransactions:
    """The transactional producer of one task. Creating it fences every earlier one of its id."""

    def __init__(
        self, kafka: Mapping[str, object], transactional_id: str, partition: int, membership: Callable[[], object]
    ) -> None:
        self._partition = partition
        self._membership = membership
        self._committed_s = -SETTLED_S
        self._producer = Producer(
            {
                **kafka,
                "transactional.id": transactional_id,
                "transaction.timeout.ms": TRANSACTION_TIMEOUT_MS,
                "retry.backoff.ms": 1,
                "linger.ms": 2,
                "compression.type": "lz4",
                "partitioner": "murmur2_random",
                "queue.buffering.max.messages": 1_000_000,
                "message.max.bytes": ADMITTED_BYTES,
            }
        )
        try:
            self._call(self._producer.init_transactions, TIMEOUT_S)
        except Unknown as error:
            raise Outage(f"Kafka does not answer {transactional_id} ({error}): check the brokers") from error

    def begin(self) -> None:
        """Open a transaction, once the last one has settled."""
        sleep(max(0.0, self._committed_s + SETTLED_S - monotonic()))
        self._call(self._producer.begin_transaction)

    def produce(self, message: Message) -> None:
        """Add a message in the task's partition, or its own; waits where the client's queue is full."""
        topic, key, value, timestamp_ms, headers, partition = message
        while True:
            try:
                self._producer.produce(
                    topic,
                    value=value,
                    key=key,
                    partition=self._partition if partition is None else partition,
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
                self._committed_s = monotonic()
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
    return named if isinstance(named, Fenced | Abortable) or _too_large(error) else Unknown(error.str())


def _named(error: KafkaError) -> Exception:
    if error.code() in _FENCED:
        return Fenced(error.str())
    if _too_large(error):
        return Problem(
            f"an output is larger than its topic takes ({error.str()}): raise max.message.bytes of the topics that "
            "Millrace writes above that of the inputs"
        )
    if error.txn_requires_abort():
        return Abortable(error.str())
    if error.retriable():
        return Unknown(error.str())
    return Problem(f"Kafka did not take a commit ({error.str()}): check the broker; nothing of it is visible")


def _too_large(error: KafkaError) -> bool:
    return error.code() == KafkaError.MSG_SIZE_TOO_LARGE
