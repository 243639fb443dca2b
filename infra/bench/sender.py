"""Sends a bench's stream to the inputs of a pipeline: idempotent, counted, and as fast as Python encodes."""

from collections import Counter
from collections.abc import Iterable
from types import TracebackType
from typing import Any, NamedTuple, Self

from confluent_kafka import KafkaError, Message, Producer

from infra.bench.stream import Sent
from infra.settings import Settings, librdkafka, schema_registry
from producers.known import Kind
from producers.publish import LINGER_MS
from schemas.avro import avro_schema, encoder
from schemas.problem import Problem
from schemas.registry import Registry
from streams.pipeline import Pipeline

FLUSH_S = 120.0
FULL_S = 0.1
POLL_EVERY = 100


class Encoded(NamedTuple):
    """One record as Kafka takes it."""

    kind: Kind
    topic: str
    key: bytes
    value: bytes
    time_ms: int


class Sender:
    """One producer for both inputs of a labelled `pipeline`, inside a `with`."""

    def __init__(self, pipeline: Pipeline, settings: Settings) -> None:
        """Registers the schemas. Raises `Problem` where the registry does not answer."""
        assert pipeline.labels is not None
        assert pipeline.labels.event is not None
        named = pipeline.topics(settings.topic_prefix)
        models = {Kind.EVENT: (named.events, pipeline.event), Kind.LABEL: (named.labels, pipeline.labels.event)}
        self._ways: dict[Kind, Any] = {}
        with Registry(schema_registry(settings)) as registry:
            for kind, (topic, model) in models.items():
                schema = avro_schema(model)
                self._ways[kind] = topic, encoder(schema, registry.register(topic, schema))
        self._producer = Producer(
            {
                **librdkafka(settings),
                "enable.idempotence": True,
                "partitioner": "murmur2_random",
                "compression.type": "lz4",
                "linger.ms": LINGER_MS,
                "queue.buffering.max.messages": 200_000,
                "on_delivery": self._delivered,
                "log_level": 0,
            }
        )
        self._failed: KafkaError | None = None
        self.sent = Counter[Kind]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self.flush()
        else:
            self._producer.purge()

    def encode(self, sent: Sent) -> Encoded:
        """The record, ready."""
        topic, encode = self._ways[sent.kind]
        return Encoded(sent.kind, topic, sent.key, encode(sent.fields), sent.time_ms)

    def send(self, records: Iterable[Sent]) -> None:
        """Hand over `records`, waiting where the queue is full. Raises `Problem` where an earlier one failed."""
        for number, sent in enumerate(records):
            self.hand_over(self.encode(sent))
            if number % POLL_EVERY == 0:
                self._producer.poll(0)
        self.poll()

    def hand_over(self, encoded: Encoded) -> None:
        """Give one record to the client, waiting where its queue is full."""
        kind, topic, key, value, time_ms = encoded
        while True:
            try:
                self._producer.produce(topic, value=value, key=key, timestamp=time_ms)
            except BufferError:
                self._producer.poll(FULL_S)
            else:
                break
        self.sent[kind] += 1

    def poll(self) -> None:
        """Hear what became of earlier ones. Raises `Problem` where one failed."""
        self._producer.poll(0)
        self._require_delivered()

    def flush(self) -> None:
        """Wait until all is delivered. Raises `Problem` where something was not."""
        left = self._producer.flush(FLUSH_S)
        self._require_delivered()
        if left:
            raise Problem(f"Kafka did not take {left} records of the load within {FLUSH_S:g} s: check the brokers")

    def _require_delivered(self) -> None:
        if self._failed is not None:
            raise Problem(f"Kafka did not take a record of the load ({self._failed.str()}): check the brokers")

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None and error.code() != KafkaError._INVALID_DIFFERENT_RECORD:  # another one says why
            self._failed = self._failed or error
