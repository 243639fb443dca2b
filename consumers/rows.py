"""From a message to a row, one pure function per topic; and each table's columns, in the order of its rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas import reject
from schemas.alert import Alert
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.reject import Reject
from schemas.scored import Scored

Row = tuple[Any, ...]
Fields = Mapping[str, Any]
Headers = Sequence[tuple[str, bytes | None]]


class Position(NamedTuple):
    """Where a record stands: the first columns of every table. `time_ms` is its Kafka timestamp."""

    topic: str
    partition: int
    offset: int
    time_ms: int


class Raw(NamedTuple):
    """A record as it came."""

    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its columns, name -> ClickHouse type. Times are milliseconds since the epoch, so `DateTime64(3)`."""

    name: str
    columns: Mapping[str, str]


NAME = "LowCardinality(String)"
TIME = "DateTime64(3, 'UTC')"
MAYBE = "Nullable(String)"
PARTS = f"Map({NAME}, Float64)"
POSITION = {"topic": NAME, "partition": "UInt32", "offset": "UInt64", "kafka_time": TIME}
SOURCE = {"source_topic": NAME, "source_partition": "UInt32", "source_offset": "UInt64"}
ANSWER = {
    "features": "Array(Float64)",
    "feature_set": NAME,
    "score": "Float64",
    "predicted": f"LowCardinality({MAYBE})",
    "probabilities": PARTS,
    "model_id": "String",
    "rung": NAME,
}
EVENT = {"event_id": "String", "entities": f"Map({NAME}, String)", "event_time": TIME}
SUBJECT = {"version": "UInt32"}

SCORED = Table("scored", {**POSITION, **EVENT, **ANSWER, "explanation": PARTS, **SOURCE})
OUTCOMES = Table(
    "outcomes",
    {
        **POSITION,
        **EVENT,
        "label_time": TIME,
        **ANSWER,
        "label": "String",
        "target": "Nullable(Float64)",
        "learnt": "Bool",
        **SOURCE,
    },
)
METRICS = Table(
    "metrics",
    {
        **POSITION,
        **SUBJECT,
        "kind": NAME,
        "subject": NAME,
        "folded_partition": "UInt32",
        "window_start": TIME,
        "window_end": TIME,
        "revision": "UInt32",
        "count": "UInt64",
        "missing": "UInt64",
        "values": PARTS,
        "edges": "Array(Float64)",
        "bins": "Array(UInt64)",
        "sketch": "String",
    },
)
ALERTS = Table(
    "alerts",
    {
        **POSITION,
        **SUBJECT,
        "monitor": NAME,
        "subject": NAME,
        "folded_partition": "UInt32",
        "event_time": TIME,
        "window_start": TIME,
        "window_end": TIME,
        "value": "Float64",
        "threshold": "Float64",
        "evidence": "String",
    },
)
REJECTED = Table(
    "rejected",
    {
        **POSITION,
        "stage": NAME,
        "reason": NAME,
        "message": "String",
        "source_topic": NAME,
        "source_partition": "Nullable(UInt32)",
        "source_offset": "Nullable(UInt64)",
        "source_time": f"Nullable({TIME})",
        "key": MAYBE,
        "value": MAYBE,
        "headers": "Array(Tuple(name String, value String))",
    },
)
FEATURE_SETS = Table("feature_sets", {"id": "String", "pipeline": NAME, "version": "UInt32", "names": "Array(String)"})


def scored(at: Position, of: Fields) -> Row:
    """The row of one `Scored`."""
    return (*at, *_event(of), *_answer(of), of["explanation"] or {}, *_source(of))


def outcome(at: Position, of: Fields) -> Row:
    """The row of one `Outcome`."""
    truth = (of["label"], of["target"], of["learnt"])
    return (*at, *_event(of), of["label_time_ms"], *_answer(of), *truth, *_source(of))


def metric(at: Position, of: Fields) -> Row:
    """The row of one `Metric`."""
    window = (of["window_start_ms"], of["window_end_ms"], of["revision"])
    statistics = (of["count"], of["missing"], of["values"], of["edges"], of["bins"], of["sketch"] or b"")
    return (*at, of["version"], of["kind"], of["subject"], of["partition"], *window, *statistics)


def alert(at: Position, of: Fields) -> Row:
    """The row of one `Alert`."""
    finding = (of["monitor"], of["subject"], of["partition"])
    times = (of["event_time_ms"], of["window_start_ms"], of["window_end_ms"])
    return (*at, of["version"], *finding, *times, of["value"], of["threshold"], of["evidence"])


def rejected(at: Position, raw: Raw) -> Row:
    """The row of one record of the rejected topic; a header that is missing or odd leaves its column empty."""
    said = {name: value for name, value in raw.headers if name.startswith(reject.HEADER_PREFIX)}
    original = [(name, value or b"") for name, value in raw.headers if name not in said]
    return (
        *at,
        _text(said.get(reject.HEADER_STAGE)),
        _text(said.get(reject.HEADER_REASON)),
        _text(said.get(reject.HEADER_MESSAGE)),
        _text(said.get(reject.HEADER_TOPIC)),
        _number(said.get(reject.HEADER_PARTITION)),
        _number(said.get(reject.HEADER_OFFSET)),
        _number(said.get(reject.HEADER_TIMESTAMP_MS)),
        raw.key,
        raw.value,
        original,
    )


def unreadable(at: Position, raw: Raw, why: Reject) -> Row:
    """The row of a record that stands on one of our own topics and is none of our messages."""
    found = ("sink", str(why.reason), why.message, at.topic, at.partition, at.offset, at.time_ms)
    return (*at, *found, raw.key, raw.value, [(name, value or b"") for name, value in raw.headers])


MESSAGES: Mapping[type[Scored | Outcome | Metric | Alert], tuple[Table, Callable[[Position, Fields], Row]]] = {
    Scored: (SCORED, scored),
    Outcome: (OUTCOMES, outcome),
    Metric: (METRICS, metric),
    Alert: (ALERTS, alert),
}
"""Message class -> its table and what makes its rows. Rejected records are no messages: `rejected`."""


def _event(of: Fields) -> Row:
    return (of["event_id"], of["entities"], of["event_time_ms"])


def _answer(of: Fields) -> Row:
    given = (of["features"], of["feature_set"], of["score"], of["predicted"], of["probabilities"] or {})
    return (*given, of["model_id"], of["rung"])


def _source(of: Fields) -> Row:
    return (of["source_topic"], of["source_partition"], of["source_offset"])


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", errors="replace")


def _number(value: bytes | None) -> int | None:
    digits = _text(value)
    return int(digits) if digits.isascii() and digits.isdigit() else None
