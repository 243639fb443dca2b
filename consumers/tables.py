"""The tables that the sink writes: the columns of each, in the order of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass


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
