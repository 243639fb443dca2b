"""A pipeline's output topics, written as a worker writes them: in transactions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from infra.settings import Settings, librdkafka, schema_registry
from infra.topics import TopicSpec, ensure
from schemas.alert import Alert
from schemas.avro import avro_schema, encoder
from schemas.message import Message
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.registry import Registry
from schemas.scored import Scored
from schemas.topics import Topics
from streams.plan import MONITOR, SCORE

PARTITIONS = 2
WITHIN_S = 30.0
HOUR_MS = 3_600_000
START_MS = 1_523_145_600_000  # 2018-04-08 00:00 UTC


class Outputs:
    """Creates the topics; `transaction` writes to them."""

    def __init__(self, settings: Settings, topics: Topics) -> None:
        self._topics = topics
        self._kafka = kafka = librdkafka(settings)
        self.create(version=1)
        self._encoders: dict[type[Message], Callable[[Mapping[str, Any]], bytes]] = {}
        with Registry(schema_registry(settings)) as registry:
            for model in (Scored, Outcome, Metric, Alert):
                schema = avro_schema(model)
                self._encoders[model] = encoder(schema, registry.register(topics.named(model.TOPIC), schema))
        self._producer = Producer(
            {**kafka, "transactional.id": topics.transactional_id(1, "test", 0), "retry.backoff.ms": 2}
        )
        self._producer.init_transactions(WITHIN_S)

    def create(self, *, version: int) -> None:
        """The topics that a version of the pipeline writes."""
        names = [*self._topics.outputs, *(self._topics.ledger(version, stage) for stage in (SCORE, MONITOR))]
        ensure(AdminClient({**self._kafka}), [TopicSpec(name=name, partitions=PARTITIONS) for name in names])

    @contextmanager
    def transaction(self, *, aborted: bool = False) -> Iterator[None]:
        """What is written inside becomes visible together, or never."""
        self._producer.begin_transaction()
        yield
        self._producer.flush(WITHIN_S)
        if aborted:
            self._producer.abort_transaction(WITHIN_S)
        else:
            self._producer.commit_transaction(WITHIN_S)

    def write(self, messages: Sequence[Message], *, time_ms: int = START_MS) -> None:
        """Spread messages over the partitions, in turn."""
        for number, message in enumerate(messages):
            value = self._encoders[type(message)](message.model_dump())
            topic = self._topics.named(message.TOPIC)
            self._producer.produce(topic, value, partition=number % PARTITIONS, timestamp=time_ms)

    def raw(self, topic: str, value: bytes, headers: Sequence[tuple[str, str | bytes | None]] = ()) -> None:
        """Write bytes as they are, to partition 0."""
        self._producer.produce(topic, value, key=b"k", partition=0, timestamp=START_MS, headers=list(headers))


def scored(number: int, **changed: object) -> Scored:
    """A score of event `number`, a second after the one before."""
    fields: dict[str, object] = {
        "event_id": f"e{number}",
        "entities": {"customer_id": f"c{number % 7}"},
        "event_time_ms": START_MS + number * 1000,
        "features": [float(number), 0.5],
        "feature_set": "f5",
        "score": 0.25,
        "predicted": "false",
        "probabilities": None,
        "model_id": f"d/{number}",
        "rung": "champion",
        "explanation": None,
        "source_topic": "events",
        "source_partition": 0,
        "source_offset": number,
    }
    return Scored.model_validate({**fields, **changed})


def outcome(number: int, *, age_ms: int = HOUR_MS, **changed: object) -> Outcome:
    """The truth about event `number`: not so, an hour later."""
    fields = {
        **{name: value for name, value in scored(number).model_dump().items() if name != "explanation"},
        "label_time_ms": START_MS + number * 1000 + age_ms,
        "label": "false",
        "target": 0.0,
        "learnt": True,
    }
    return Outcome.model_validate({**fields, **changed})


def metric(**changed: object) -> Metric:
    """A window of feature `amount`: ten values with mean 5 and distance 0.1."""
    fields: dict[str, object] = {
        "pipeline": "p",
        "version": 1,
        "kind": "feature",
        "subject": "amount",
        "partition": 0,
        "window_start_ms": START_MS,
        "window_end_ms": START_MS + HOUR_MS,
        "revision": 0,
        "count": 10,
        "missing": 0,
        "values": {"mean": 5.0, "distance": 0.1},
        "edges": [],
        "bins": [],
        "sketch": None,
    }
    return Metric.model_validate({**fields, **changed})


def alert() -> Alert:
    """Feature `amount` has moved."""
    return Alert(
        pipeline="p",
        version=1,
        monitor="stability",
        subject="amount",
        partition=0,
        event_time_ms=START_MS,
        window_start_ms=START_MS,
        window_end_ms=START_MS + HOUR_MS,
        value=0.5,
        threshold=0.25,
        evidence="amount moved",
    )
