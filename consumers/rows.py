"""From a message to a row, one pure function per topic: as many values as its table has columns, in their order."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from consumers.tables import ALERTS, METRICS, OUTCOMES, SCORED, Table
from schemas import reject
from schemas.alert import Alert
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.reject import Reject
from schemas.scored import Scored

Row = tuple[Any, ...]
Fields = Mapping[str, Any]
Headers = Sequence[tuple[str, bytes | None]]

MOST_PARTITION, MOST_OFFSET = 2**31 - 1, 2**63 - 1
MOST_MS = 10_413_791_999_999
"""The end of the year 2299, beyond which ClickHouse has no times."""


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
        _number(said.get(reject.HEADER_PARTITION), MOST_PARTITION),
        _number(said.get(reject.HEADER_OFFSET), MOST_OFFSET),
        _number(said.get(reject.HEADER_TIMESTAMP_MS), MOST_MS),
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


def _number(value: bytes | None, most: int) -> int | None:
    digits = _text(value)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= len(str(most))):
        return None
    number = int(digits)
    return number if number <= most else None
