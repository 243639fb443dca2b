"""One past score again: its row, the record it came from, and what folding the ledger again gives for it."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from infra.audit.opened import Opened
from infra.audit.rows import Row, own_row
from schemas.decode import own_decoder
from schemas.ledger import Entry
from schemas.message import Message
from schemas.outcome import Outcome
from schemas.problem import Problem
from schemas.scored import Scored
from streams.runtime.findings import Audit
from streams.runtime.raw import Raw


class Found(NamedTuple):
    """A row of an output topic and where it stands."""

    row: Row
    record: Raw


class Value(NamedTuple):
    """One field as it is stored and as it comes out again."""

    name: str
    stored: object
    again: object

    @property
    def equal(self) -> bool:
        """Whether they are the same, numbers in all 64 bits."""
        return bits(self.stored) == bits(self.again)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One event scored again. `differing_before` counts the batches before it that gave something else."""

    stored: Found
    input: Raw
    entry: Entry
    features: tuple[Value, ...]
    fields: tuple[Value, ...]
    outcome: Found | None
    differing_before: int

    @property
    def equal(self) -> bool:
        return all(value.equal for value in (*self.features, *self.fields))


def bits(value: object) -> object:
    """What two values must have in common to be the same: of a float its 64 bits, as hex.

    >>> bits(1.0), bits(-0.0)
    ('3ff0000000000000', '8000000000000000')
    """
    if isinstance(value, float):
        return struct.pack(">d", value).hex()
    return {key: bits(each) for key, each in value.items()} if isinstance(value, dict) else value


def stored_score(stage: Opened, event_id: str) -> Found:
    """The row of the event, as this definition scored it. Raises `Problem` where there is none."""
    digest = f"{stage.pipeline.digest}/"
    for partition in range(stage.binding.partitions):
        for found in _rows(stage, Scored, stage.topics.scored, partition, event_id):
            if found.row["model_id"].startswith(digest):
                return found
    raise Problem(
        f"no event {event_id} was scored in {stage.topics.scored} by version {stage.pipeline.version}: check the id; "
        f"`millrace rejected list` shows what was rejected"
    )


def outcome_of(stage: Opened, stored: Found) -> Found | None:
    """The row in which the score met its label."""
    topic, row = stage.topics.outcomes, stored.row
    rows = _rows(stage, Outcome, topic, stored.record.partition, row["event_id"])
    return next((found for found in rows if found.row["model_id"] == row["model_id"]), None)


def score_again(stage: Opened, stored: Found, watch: Callable[[Entry], None]) -> Past:
    """Fold the ledger up to the entry that scored the event, and compare.

    What another stage has passed on stands at no offset that its row knows: there every entry is looked at.
    Raises `Problem` where ledger, inputs or definition no longer allow it.
    """
    row, audit = stored.row, Audit(partition=stored.record.partition)
    first = stored.row["source_topic"] in stage.binding.topics
    topic, offset = row["source_topic"], row["source_offset"]
    for entry, group in stage.auditor.walk(stored.record.partition, audit):
        watch(entry)
        if first and not entry.starts.get(topic, 0) <= offset < entry.ends.get(topic, 0):
            continue
        if group is None and not first and audit.chain_only is None:
            continue  # the first entry, which folds nothing
        if group is None:
            raise Problem(f"{row['event_id']} cannot be scored again: {audit.chain_only}")
        decode = own_decoder(Scored, stage.registry)
        rows = (decode(each.value) for each in group.messages if each.topic == stage.topics.scored)
        again = next((each for each in rows if each["event_id"] == row["event_id"]), None)
        if again is None and not first:
            continue
        return _compared(stage, stored, again, entry, audit)
    raise Problem(f"no entry of {stage.binding.ledger.topic}/{stored.record.partition} covers {topic}@{offset}")


def _compared(stage: Opened, stored: Found, again: Row | None, entry: Entry, audit: Audit) -> Past:
    row, names = stored.row, stage.pipeline.feature_names
    now: Row = again if again is not None else {**dict.fromkeys(row), "features": [None] * len(names)}
    features = (Value(*each) for each in zip(names, row["features"], now["features"], strict=True))
    fields = (Value(name, row[name], now[name]) for name in row if name != "features")
    source = stage.kafka.read(row["source_topic"], row["source_partition"], row["source_offset"])
    return Past(
        stored=stored,
        input=next(record for run in source for record in run.records),
        entry=entry,
        features=tuple(features),
        fields=tuple(fields),
        outcome=outcome_of(stage, stored),
        differing_before=audit.found,
    )


def _rows(stage: Opened, model: type[Message], topic: str, partition: int, event_id: str) -> Iterator[Found]:
    """Rows of one event; only values in which its id occurs are decoded."""
    decode, wanted = own_decoder(model, stage.registry), event_id.encode()
    low, _ = stage.kafka.bounds(topic, partition)
    for run in stage.kafka.read(topic, partition, low):
        for record in run.records:
            if record.value is not None and wanted in record.value:
                row = own_row(decode, record.value)
                if row is not None and row["event_id"] == event_id:
                    yield Found(row, record)
