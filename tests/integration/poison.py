"""A stream in which one record in a hundred is poison, of nine kinds: what was sent, and why each must be rejected."""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from confluent_kafka import Producer
from pydantic import BaseModel

from infra.feed import create_inputs
from infra.settings import Settings, librdkafka, schema_registry
from schemas.avro import HEADER_BYTES, avro_schema, encoder, wire_header
from schemas.payment import Chargeback, Payment
from schemas.registry import Registry
from schemas.reject import Reason
from streams.pipeline import Pipeline
from streams.runtime.partition import partition_of

PARTITIONS = 2
START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
NOWHERE = 2_000_000_000
LARGEST = 1_048_000
"""Bytes of a value that a topic just takes, by the broker's default; what is rejected has headers beside it."""
HEADERS: list[tuple[str, bytes | None]] = [("trace", b"\x00\xff"), ("trace", b"again"), ("nothing", None)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One record as it was handed to the producer."""

    key: bytes | None
    value: bytes | None
    partition: int
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


@dataclass(slots=True)
class Story:
    """What was sent: in all, by what must become of it, and each piece of poison with its reason."""

    events: int = 0
    labels: int = 0
    expected: Counter[str] = field(default_factory=Counter)
    poison: list[tuple[Sent, Reason]] = field(default_factory=list)


class Halved(BaseModel):
    """A payment without its amount."""

    transaction_id: str
    occurred_at: datetime
    customer_id: str
    terminal_id: str


class Poisoner:
    """Writes the story of one pipeline of payments: events and labels over three days, on both partitions."""

    def __init__(self, settings: Settings, pipeline: Pipeline, *, events: int, seed: int = 0) -> None:
        create_inputs(pipeline, settings, partitions=PARTITIONS)
        self._topics = pipeline.topics(settings.topic_prefix)
        self._draw, self._events = Random(seed), events
        kafka = librdkafka(settings)
        self._producer = Producer({**kafka, "enable.idempotence": True, "linger.ms": 5, "message.max.bytes": 2_000_000})
        with Registry(schema_registry(settings)) as registry:
            self._payment = _encoder(registry, self._topics.events, Payment)
            self._chargeback = _encoder(registry, self._topics.labels, Chargeback)
            self._halved = _encoder(registry, f"{self._topics.events}-of-another", Halved)
        self._kinds: tuple[Callable[[dict[str, Any]], tuple[Sent, Reason]], ...] = (
            self._not_avro,
            self._unknown_schema,
            self._missing_field,
            self._out_of_range,
            self._not_a_number,
            self._empty,
            self._wrong_key,
            self._wrong_partition,
            self._as_large_as_its_topic_takes,
        )

    def write(self) -> Story:
        """Send it all; every record is delivered on return."""
        story = Story()
        for number in range(self._events):
            payment = self._make(number)
            if number % 100 == 50:
                sent, reason = self._kinds[number // 100 % len(self._kinds)](payment)
                story.poison.append((sent, reason))
                story.expected["rejected"] += 1
                self._send(story, sent, payment["occurred_at"])
            elif number % 100 == 75:
                at = payment["occurred_at"]
                story.expected["late"] += 1
                self._send(story, self._placed({**payment, "occurred_at": at - 30 * HOUR}), at)
            else:
                self._score(story, number, payment)
        assert self._producer.flush(30.0) == 0
        return story

    def _score(self, story: Story, number: int, payment: dict[str, Any]) -> None:
        sent = self._placed(payment, as_json=number % 4 == 0)
        story.expected["scored"] += 1
        self._send(story, sent, payment["occurred_at"])
        if number % 100 == 25:
            story.expected["duplicate"] += 1
            self._send(story, sent, payment["occurred_at"])
        if number % 3 == 0:
            known = payment["occurred_at"] + HOUR
            label = {
                "transaction_id": payment["transaction_id"],
                "customer_id": payment["customer_id"],
                "fraud": payment["amount"] > 60.0,
                "reported_at": known,
            }
            story.labels += 1
            self._produce(
                self._topics.labels, Sent(key=sent.key, value=self._chargeback(label), partition=sent.partition), known
            )

    def _make(self, number: int) -> dict[str, Any]:
        return {
            "transaction_id": f"t{number}",
            "occurred_at": START + 3 * 24 * HOUR * (number / self._events),
            "customer_id": f"c{self._draw.randrange(40)}",
            "terminal_id": f"m{self._draw.randrange(9)}",
            "amount": round(self._draw.lognormvariate(3.5, 0.7), 2),
        }

    def _placed(self, payment: Mapping[str, Any], *, as_json: bool = False, **changed: Any) -> Sent:
        key = str(payment["customer_id"]).encode()
        value = _json(payment) if as_json else self._payment(payment)
        return Sent(**{"key": key, "value": value, "partition": partition_of(key, PARTITIONS), **changed})

    def _not_avro(self, payment: dict[str, Any]) -> tuple[Sent, Reason]:
        return self._placed(payment, value=b"\x07junk", headers=HEADERS), Reason.NOT_AVRO

    def _unknown_schema(self, payment: dict[str, Any]) -> tuple[Sent, Reason]:
        value = wire_header(NOWHERE) + self._payment(payment)[HEADER_BYTES:]
        return self._placed(payment, value=value, headers=HEADERS), Reason.UNKNOWN_SCHEMA

    def _missing_field(self, payment: dict[str, Any]) -> tuple[Sent, Reason]:
        return self._placed(payment, value=self._halved(payment), headers=HEADERS), Reason.INVALID

    def _out_of_range(self, payment: dict[str, Any]) -> tuple[Sent, Reason]:
        return self._placed({**payment, "amount": -5.0}, headers=HEADERS), Reason.INVALID

    def _not_a_number(self, payment: dict[str, Any]) -> tuple[Sent, Reason]:
        return self._placed({**payment, "amount": math.nan}, headers=HEADERS), Reason.INVALID

    def _empty(self, payment: dict[str, Any]) -> tuple[Sent, Reason]:
        return self._placed(payment, value=self._draw.choice([None, b""]), headers=HEADERS), Reason.EMPTY

    def _wrong_key(self, payment: dict[str, Any]) -> tuple[Sent, Reason]:
        key = self._draw.choice([b"somebody else", None])
        return self._placed(payment, key=key, headers=HEADERS), Reason.WRONG_KEY

    def _wrong_partition(self, payment: dict[str, Any]) -> tuple[Sent, Reason]:
        right = self._placed(payment)
        return self._placed(payment, partition=1 - right.partition, headers=HEADERS), Reason.WRONG_PARTITION

    def _as_large_as_its_topic_takes(self, payment: dict[str, Any]) -> tuple[Sent, Reason]:
        return self._placed(payment, value=b"\x07" * LARGEST, headers=HEADERS), Reason.NOT_AVRO

    def _send(self, story: Story, sent: Sent, at: datetime) -> None:
        story.events += 1
        self._produce(self._topics.events, sent, at)

    def _produce(self, topic: str, sent: Sent, at: datetime) -> None:
        self._producer.produce(
            topic,
            sent.value,
            sent.key,
            partition=sent.partition,
            timestamp=int(at.timestamp() * 1000),
            headers=sent.headers,  # type: ignore[arg-type]  # the stubs forget that lists of bytes are fine
        )
        self._producer.poll(0)


def _encoder(registry: Registry, topic: str, model: type[BaseModel]) -> Callable[[Mapping[str, Any]], bytes]:
    schema = avro_schema(model)
    return encoder(schema, registry.register(topic, schema))


def _json(payment: Mapping[str, Any]) -> bytes:
    return json.dumps({**payment, "occurred_at": payment["occurred_at"].isoformat()}).encode()
