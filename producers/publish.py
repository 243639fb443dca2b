"""Publishing to Kafka: keys, Avro values, Kafka times and partitions as the stages expect them, deliveries counted."""

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from pydantic import BaseModel

from producers.known import Kind, Known
from producers.pace import Pace
from schemas.avro import avro_schema, encoder
from schemas.kafka_time import EARLIEST_MS
from schemas.problem import Problem
from schemas.registry import Registry

_log = logging.getLogger(__name__)
_log.addHandler(logging.NullHandler())

FLUSH_WITHIN_S = 150.0
"""Longer than `delivery.timeout.ms`: by then every record is delivered or has failed."""

LINGER_MS = 5
"""How long a record waits for others to be sent with."""

_SENDING: dict[str, Any] = {
    "partitioner": "murmur2_random",  # as Java clients and aiokafka: an event and its label meet in one partition
    "enable.idempotence": True,
    "compression.type": "lz4",
    "linger.ms": LINGER_MS,
    "batch.num.messages": 10_000,
    "queue.buffering.max.messages": 100_000,
    "queue.buffering.max.kbytes": 65_536,
    "delivery.timeout.ms": 120_000,
}


class Values:
    """Records of one class as Avro values under one schema id."""

    def __init__(self, model: type[BaseModel], schema_id: int) -> None:
        self._encode = encoder(avro_schema(model), schema_id)

    def __call__(self, record: BaseModel) -> bytes:
        """The value. A time without zone is UTC. Raises `Problem` where the record does not fit its schema."""
        fields = record.model_dump(by_alias=True)
        for name, value in fields.items():
            if type(value) is datetime and value.tzinfo is None:
                fields[name] = value.replace(tzinfo=UTC)  # Avro would take it for local time
        try:
            return self._encode(fields)
        except (ValueError, TypeError, OverflowError, AttributeError) as error:
            raise Problem(f"{type(record).__name__} {record} does not fit its Avro schema: {error}") from error


class Route:
    """Where records of one class go: topic, the field that is the key, and the encoding registered for the topic."""

    def __init__(self, model: type[BaseModel], *, topic: str, key: str, registry: Registry) -> None:
        """Register the schema of `model` for `topic`. Raises `Problem` where the registry refuses it."""
        self.topic = topic
        self._key = key
        self._values = Values(model, registry.register(topic, avro_schema(model)))

    def message(self, record: BaseModel) -> tuple[bytes, bytes]:
        """Key and value of `record`. Raises `Problem` where it does not fit its schema."""
        return str(getattr(record, self._key)).encode(), self._values(record)


class Publisher:
    """One idempotent producer for events and labels. Use it in a `with` block.

    Records are sent in the order given, over all topics. Kafka keeps that order within each partition of each topic;
    between topics nothing but the Kafka times tells it, which is why readers merge by them.
    """

    def __init__(self, configuration: Mapping[str, str], routes: Mapping[Kind, Route]) -> None:
        """`configuration`: how librdkafka reaches the brokers."""
        self._producer = Producer(
            {**_SENDING, **configuration, "on_delivery": self._delivered, "error_cb": self._erred}, logger=_log
        )
        self._routes = dict(routes)
        self._failure: Problem | None = None
        self._last_error = ""
        self.sent = dict.fromkeys(routes, 0)
        self.delivered = 0

    def __enter__(self) -> "Publisher":
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        if failed is None:
            self.flush()
        else:
            self._producer.purge()
            self._producer.flush(1.0)

    def send(self, known: Known) -> None:
        """Hand over one record; wait while the queue is full. Raises `Problem` when an earlier one failed."""
        route = self._routes[known.kind]
        key, value = route.message(known.record)
        while True:
            if self._failure is not None:
                raise self._failure
            try:
                self._producer.produce(route.topic, value=value, key=key, timestamp=known.time_ms or EARLIEST_MS)
            except BufferError:
                self._producer.poll(0.1)  # the queue drains, or its records fail in time
            except KafkaException as failed:
                raise self._failure or _problem_of(failed.args[0], route.topic, self._last_error) from failed
            else:
                break
        self.sent[known.kind] += 1
        self._producer.poll(0)

    def wait(self, seconds: float) -> None:
        """Let time pass while deliveries are served."""
        until = monotonic() + seconds
        while (left := until - monotonic()) > 0:
            self._producer.poll(left)

    def flush(self) -> None:
        """Wait until every record is delivered. Raises `Problem` when one was not."""
        left = self._producer.flush(FLUSH_WITHIN_S)
        if self._failure is not None:
            raise self._failure
        sent = sum(self.sent.values())
        if left or self.delivered != sent:
            raise Problem(
                f"Kafka took {self.delivered:,} of {sent:,} records ({self._last_error or 'no answer'}): "
                "see that all its brokers are up and produce again into new topics"
            )

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self.delivered += 1
        elif self._failure is None and error.code() != KafkaError._INVALID_DIFFERENT_RECORD:  # another one says why
            self._failure = _problem_of(error, message.topic() or "", self._last_error)

    def _erred(self, error: KafkaError) -> None:
        self._last_error = error.str()


def publish(
    publisher: Publisher, records: Iterable[Known], *, pace: Pace, progress: Callable[[Known], None] | None = None
) -> None:
    """Send `records` in their order at `pace`, telling `progress` of each one sent, and flush."""
    first_ms: int | None = None
    start = monotonic()
    with publisher:
        for sent, known in enumerate(records):
            if first_ms is None:
                first_ms, start = known.time_ms, monotonic()
            ahead_s = pace.due_s(sent=sent, since_ms=known.time_ms - first_ms) - (monotonic() - start)
            if ahead_s > 0:
                publisher.wait(ahead_s)
            publisher.send(known)
            if progress is not None:
                progress(known)


def _problem_of(error: KafkaError, topic: str, last_error: str) -> Problem:
    code = error.code()
    if code == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return Problem(f"the Kafka user may not write to topic {topic}: grant it Write")
    if code in (KafkaError.INVALID_TIMESTAMP, KafkaError.INVALID_RECORD):  # the second where there are several
        return Problem(
            f"topic {topic} refuses a record for its time: mend the times, or raise its message.timestamp.*.max.ms"
        )
    if code == KafkaError.MSG_SIZE_TOO_LARGE:
        return Problem(
            f"topic {topic} refuses a record for its size: shorten it, or raise the topic's max.message.bytes"
        )
    if code in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
        return Problem(f"topic {topic} is gone: create it and produce again")
    why = f"{error.str()}; {last_error}" if last_error else error.str()
    return Problem(f"Kafka did not take a record for topic {topic} ({why}): see that all its brokers are up, try again")
