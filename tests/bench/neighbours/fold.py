"""What all neighbours compute, in plain Python: windows, a score, the join with the label, learning.

Beside the input's pydantic classes nothing of Millrace is used, so that only the frameworks around it differ. Less is
done than Millrace does: payments come in order, once, labels within their horizon; anything else is an error.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any, NamedTuple, TypedDict

import fastavro
from pydantic import BaseModel, TypeAdapter
from river.linear_model import LogisticRegression
from river.optim import SGD
from river.preprocessing import StandardScaler

from schemas.payment import Chargeback, Payment

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
DAY_MS = 86_400_000
SPANS_MS = (DAY_MS, 7 * DAY_MS, 30 * DAY_MS)
UNIT = 1 << 52
"""Amounts are added up in units of 2**-52, which is exact for those of 1 and more, and fits JSON's integers."""

HEADER_BYTES = 5
MORNING, SATURDAY = 6, 5

Table = MutableMapping[str, Any]


class Raw(NamedTuple):
    """A record as Kafka gives it."""

    key: bytes
    value: bytes
    timestamp_ms: int
    offset: int


class Out(NamedTuple):
    """A message for Kafka."""

    topic: str
    key: bytes
    value: bytes
    timestamp_ms: int


class Tables(NamedTuple):
    """What is remembered: plain values by customer or payment, in whatever the framework keeps them."""

    windows: Table
    waiting: Table
    early: Table


class Spec(TypedDict):
    """What the bench tells a neighbour: servers, topics, schemas by id, how the definition is called."""

    kafka: str
    group: str
    form: str
    folder: str
    topics: dict[str, str]
    schemas: dict[str, Any]
    writes: dict[str, int]
    feature_names: list[str]
    feature_set: str
    digest: str


class Fold:
    """One model, and what becomes of each record; what is remembered stands in the tables that are handed in."""

    def __init__(self, spec: Spec) -> None:
        self.topics = spec["topics"]
        self._names, self._feature_set, self._digest = spec["feature_names"], spec["feature_set"], spec["digest"]
        self._payment, self._chargeback = (_decoder(each, spec["schemas"]) for each in (Payment, Chargeback))
        self._encode = {name: _encoder(spec["schemas"][str(number)], number) for name, number in spec["writes"].items()}
        self._model = StandardScaler() | LogisticRegression(optimizer=SGD(0.01))
        self._learnt = 0

    def event(self, raw: Raw, tables: Tables) -> list[Out]:
        """The scored payment; its outcome too, where the label was there before."""
        payment: Payment = self._payment(raw.value)
        at_ms = (payment.occurred_at - EPOCH) // MILLISECOND
        scored = self._scored(payment, at_ms, window(tables.windows, payment.customer_id, at_ms, payment.amount), raw)
        out = [self._out("scored", scored, raw)]
        early = tables.early.pop(payment.transaction_id, None)
        if early is None:
            tables.waiting[payment.transaction_id] = scored
        else:
            out.append(self._out("outcomes", self._outcome(scored, *early), raw))
        return out

    def label(self, raw: Raw, tables: Tables) -> list[Out]:
        """The outcome of a payment that was scored; nothing yet, where the label comes first."""
        chargeback: Chargeback = self._chargeback(raw.value)
        known = chargeback.fraud, (chargeback.reported_at - EPOCH) // MILLISECOND, raw.offset
        scored = tables.waiting.pop(chargeback.transaction_id, None)
        if scored is None:
            tables.early[chargeback.transaction_id] = known
            return []
        return [self._out("outcomes", self._outcome(scored, *known), raw)]

    def _scored(self, payment: Payment, at_ms: int, windows: list[float], raw: Raw) -> dict[str, Any]:
        at = payment.occurred_at
        vector = [payment.amount, float(at.weekday() >= SATURDAY), float(at.hour <= MORNING), *windows]
        shares = self._model.predict_proba_one(dict(zip(self._names, vector, strict=True)))
        return {
            "event_id": payment.transaction_id,
            "entities": {"customer_id": payment.customer_id},
            "event_time_ms": at_ms,
            "features": vector,
            "feature_set": self._feature_set,
            "score": shares[True],
            "predicted": "true" if max(shares, key=shares.get) else "false",
            "probabilities": None,
            "model_id": f"{self._digest}/{self._learnt}",
            "rung": "champion",
            "explanation": None,
            "source_topic": self.topics["events"],
            "source_partition": 0,
            "source_offset": raw.offset,
        }

    def _outcome(self, scored: dict[str, Any], fraud: bool, known_ms: int, offset: int) -> dict[str, Any]:
        """Teach the model with the vector that was scored."""
        self._model.learn_one(dict(zip(self._names, scored["features"], strict=True)), fraud)
        self._learnt += 1
        return {
            **scored,
            "label_time_ms": known_ms,
            "label": "true" if fraud else "false",
            "target": float(fraud),
            "learnt": True,
            "source_topic": self.topics["labels"],
            "source_offset": offset,
        }

    def _out(self, name: str, fields: dict[str, Any], raw: Raw) -> Out:
        return Out(self.topics[name], raw.key, self._encode[name](fields), raw.timestamp_ms)


def window(histories: Table, key: str, at_ms: int, amount: float) -> list[float]:
    """Counts and exact means of a key's amounts over `SPANS_MS`, the payment itself among them."""
    history: tuple[list[int], list[int]] = histories.get(key) or ([], [])
    times, units = history
    numerator, denominator = amount.as_integer_ratio()
    if denominator > UNIT or (times and at_ms < times[-1]):
        raise ValueError(f"{key} at {at_ms}: an amount below 1, or a payment that comes late")
    times.append(at_ms)
    units.append(numerator * (UNIT // denominator))
    starts = [bisect_right(times, at_ms - span_ms) for span_ms in SPANS_MS]
    counts = [len(times) - start for start in starts]
    means = [sum(units[-count:]) / (UNIT * count) for count in counts]
    del times[: starts[-1]], units[: starts[-1]]
    histories[key] = history
    return [*map(float, counts), *means]


def _decoder(model: type[BaseModel], schemas: Mapping[str, Any]) -> Callable[[bytes], Any]:
    """Avro in the wire format, by the schema whose id it carries, validated."""
    parsed = {int(number): fastavro.parse_schema(schema) for number, schema in schemas.items()}
    validate = TypeAdapter(model).validator.validate_python

    def decode(value: bytes) -> Any:
        schema = parsed[int.from_bytes(value[1:HEADER_BYTES], "big")]
        return validate(fastavro.schemaless_reader(BytesIO(value[HEADER_BYTES:]), schema, None))

    return decode


def _encoder(schema: Any, schema_id: int) -> Callable[[Mapping[str, Any]], bytes]:
    parsed, header = fastavro.parse_schema(schema), b"\0" + schema_id.to_bytes(4, "big")

    def encode(fields: Mapping[str, Any]) -> bytes:
        buffer = BytesIO(header)
        buffer.seek(HEADER_BYTES)
        fastavro.schemaless_writer(buffer, parsed, fields)
        return buffer.getvalue()

    return encode
