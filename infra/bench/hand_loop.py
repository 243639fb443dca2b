"""What one would write by hand in place of Millrace: from Kafka through River and back in one loop, at least once.

The yardstick of `bench throughput` and `bench latency`, for the pipeline `customers` and one partition, in the order of
time. No duplicates, late events, rejects, horizons, saved state, replay. It writes what Millrace does, byte by byte.
"""

from collections import defaultdict, deque
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from fastavro import schemaless_reader

from schemas.avro import avro_schema, encoder
from schemas.outcome import Outcome
from schemas.payment import Chargeback, Payment
from schemas.problem import Problem
from schemas.registry import Registry
from schemas.scored import Scored
from schemas.topics import Topics
from streams.pipeline import Pipeline

CHUNK, WAIT_S, FLUSH_S = 500, 0.1, 30.0
SPANS_MS = [days * 86_400_000 for days in (1, 7, 30)]
UNIT = 1 << 64  # of which sums of amounts hold whole numbers, so that they are exact


class Window:
    """Count and mean of one customer's latest amounts, the new one included."""

    def __init__(self, span_ms: int) -> None:
        self.span_ms, self.total, self.amounts = span_ms, 0, deque[tuple[int, int]]()

    def add(self, at_ms: int, units: int) -> tuple[float, float]:
        self.amounts.append((at_ms, units))
        self.total += units
        while self.amounts[0][0] <= at_ms - self.span_ms:
            self.total -= self.amounts.popleft()[1]
        return float(len(self.amounts)), self.total / (UNIT * len(self.amounts))


class HandLoop:
    """Reads what `pipeline` reads in `inputs`, and writes what it writes to `outputs`. `validate` reads a class."""

    commit_every = 20_000

    def __init__(
        self, pipeline: Pipeline, inputs: Topics, outputs: Topics, kafka: Any, registry: Registry, validate: Any
    ) -> None:
        self.pipeline, self.registry, self.model, self.learnt = pipeline, registry, pipeline.model(), 0
        self.windows = defaultdict[str, list[Window]](lambda: [Window(span_ms) for span_ms in SPANS_MS])
        self.pending: dict[str, tuple[dict[str, float], dict[str, Any]]] = {}
        self.labels, self.events = inputs.labels, inputs.events
        self.validate = {self.labels: validate(Chargeback), self.events: validate(Payment)}
        self.scored, self.outcomes, self.encode = outputs.scored, outputs.outcomes, dict[str, Any]()
        for topic, model in ((self.scored, Scored), (self.outcomes, Outcome)):
            self.encode[topic] = encoder(avro_schema(model), registry.register(topic, avro_schema(model)))
        self.waiting, self.done = {topic: deque[Any]() for topic in self.validate}, dict.fromkeys(self.validate, 0)
        self.name, self.behind, self.failed = outputs.named("hand"), 0, set[object]()
        reads = {"group.id": self.name, "auto.offset.reset": "earliest", "enable.auto.commit": False}
        self.consumer = Consumer({**kafka, **reads, "fetch.wait.max.ms": 10})
        self.consumer.subscribe(list(self.waiting))
        sends = {"linger.ms": 2, "compression.type": "lz4", "queue.buffering.max.messages": 1_000_000}
        told = {"on_delivery": lambda error, _: self.failed.update([str(error)] if error else [])}
        self.producer = Producer({**kafka, **sends, **self.delivery(), **told})

    def chunks(self) -> Iterator[dict[str, int]]:
        """Score and learn without end, chunk by chunk: how far it is in each input."""
        while True:
            for message in self.fetch():
                if message.error() is not None:
                    raise Problem(f"Kafka does not give what it holds: {message.error()}")
                self.waiting[message.topic()].append(message)
            for message in self._in_order():
                (self._label if message.topic() == self.labels else self._event)(message, self._read(message))
                self.done[message.topic()] = message.offset() + 1
                self.behind += 1
            self.producer.poll(0)
            if self.behind >= self.commit_every:
                self.commit()
            yield self.done

    def close(self) -> None:
        self.commit()
        self.consumer.close()

    def delivery(self) -> dict[str, object]:
        return {"enable.idempotence": True}

    def fetch(self) -> list[Any]:
        return self.consumer.consume(CHUNK, WAIT_S)

    def commit(self) -> None:
        if self.producer.flush(FLUSH_S) or self.failed:
            raise Problem(f"Kafka did not take an output ({self.failed or 'time-out'}): check the brokers")
        self.consumer.commit(offsets=self.positions(), asynchronous=False)
        self.behind = 0

    def positions(self) -> list[TopicPartition]:
        return [TopicPartition(topic, 0, offset) for topic, offset in self.done.items()]

    def _in_order(self) -> Iterator[Any]:
        """What has come, by time and labels first, until an input is empty that holds more."""
        labels, events = self.waiting[self.labels], self.waiting[self.events]
        no_more = {topic: self._at_end(topic) for topic in self.waiting}
        while (labels or no_more[self.labels]) and (events or no_more[self.events]) and (labels or events):
            label_first = labels and (not events or labels[0].timestamp()[1] <= events[0].timestamp()[1])
            yield (labels if label_first else events).popleft()

    def _at_end(self, topic: str) -> bool:
        if not any(self.waiting.values()):
            return False
        end = self.consumer.get_watermark_offsets(TopicPartition(topic, 0), cached=True)[1]
        return 0 <= end <= (self.waiting[topic][-1].offset() + 1 if self.waiting[topic] else self.done[topic])

    def _read(self, message: Any) -> Any:
        body = message.value()
        fields = schemaless_reader(BytesIO(body[5:]), self.registry.writer(int.from_bytes(body[1:5])), None)
        return self.validate[message.topic()](fields)

    def _event(self, message: Any, payment: Any) -> None:
        when, at_ms = payment.occurred_at, round(payment.occurred_at.timestamp() * 1000)
        units = int(payment.amount * UNIT)
        counts, means = zip(*[window.add(at_ms, units) for window in self.windows[payment.customer_id]], strict=True)
        vector = [payment.amount, float(when.weekday() >= 5), float(when.hour <= 6), *counts, *means]
        x = dict(zip(self.pipeline.feature_names, vector, strict=True))
        shares = self.model.predict_proba_one(x)
        seen = {"entities": {"customer_id": payment.customer_id}, "event_time_ms": at_ms, "features": vector}
        said = {"score": shares[True], "predicted": "true" if shares[True] > shares[False] else "false"}
        said |= {"probabilities": None, "model_id": f"{self.pipeline.digest}/{self.learnt}", "rung": "champion"}
        scored = {"event_id": payment.transaction_id, **seen, "feature_set": self.pipeline.feature_set, **said}
        self.pending[payment.transaction_id] = x, scored
        self._produce(self.scored, message, {**scored, "explanation": None})

    def _label(self, message: Any, chargeback: Any) -> None:
        if chargeback.transaction_id not in self.pending:
            return
        x, scored = self.pending.pop(chargeback.transaction_id)
        self.model.learn_one(x, chargeback.fraud)
        self.learnt += 1
        truth = {"label": "true" if chargeback.fraud else "false", "target": float(chargeback.fraud), "learnt": True}
        truth["label_time_ms"] = round(chargeback.reported_at.timestamp() * 1000)
        self._produce(self.outcomes, message, {**scored, **truth})

    def _produce(self, topic: str, cause: Any, fields: dict[str, Any]) -> None:
        source = {"source_topic": cause.topic(), "source_partition": 0, "source_offset": cause.offset()}
        value = self.encode[topic]({**fields, **source})
        self.producer.produce(topic, value=value, key=cause.key(), partition=0, timestamp=cause.timestamp()[1])
