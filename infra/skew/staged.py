"""The skew check of a pipeline in several stages: each stage's features in the order in which that stage has read."""

from collections.abc import Callable, Sequence
from typing import Any

from infra.audit.opened import Opened, numbers
from infra.skew.checker import Checker, Place, by_source
from infra.skew.once import Checked
from infra.skew.recorded import Recorded
from infra.skew.served import Row
from schemas.decode import own_decoder
from schemas.ledger import Entry
from schemas.message import Message
from schemas.outcome import Outcome
from schemas.problem import Problem
from schemas.scored import Scored
from streams.aggregate import Windows
from streams.feature import Feature
from streams.passing import PassedEvent, PassedLabel
from streams.pipeline import Pipeline
from streams.plan import Step, steps
from streams.runtime.bind import score_sources
from streams.stage import Record, Role


class Everywhere:
    """All that was scored and learnt, whichever partition has written it, by where its event or label stood.

    Raises `Problem` where other versions have written to the same topics, or some of it has expired.
    """

    def __init__(self, stage: Opened) -> None:
        if not stage.alone:
            raise Problem(f"another version of {stage.pipeline.name} has written to its topics: check it by itself")
        self.scored, self.outcomes = (by_source(_rows(stage, model)) for model in (Scored, Outcome))
        self._decode = score_sources(stage.pipeline, stage.topics, stage.registry)[-1].decode
        self._came: set[str] = set()
        self._waiting: dict[str, Row] = {}

    def begin(self, entry: Entry) -> None:  # noqa: ARG002 (there are no rows to be passed over)
        """A new partition."""
        self._came, self._waiting = set(), {}

    def skip(self, entry: Entry) -> int:
        raise Problem(
            f"records of entry {entry.seq} of {entry.stage}, partition {entry.partition}, have expired: the features "
            f"of several stages can only be checked where all that they have read is there"
        )

    def as_it_came(self, record: Record) -> Record:
        """The event or label as the first stage has read it."""
        value: Any = record.value
        if isinstance(value, PassedEvent):
            topic, partition, offset, key, raw = value.origin
            return Record(Role.EVENTS, topic, partition, offset, record.timestamp_ms, key, self._decode(raw))
        if isinstance(value, PassedLabel):
            truth = value.truth
            place = truth.topic, truth.partition, truth.offset
            return Record(Role.LABELS, *place, record.timestamp_ms, record.key, value)
        return record

    def take(self, entry: Entry, records: Sequence[Record]) -> tuple[list[Row], list[Row]]:  # noqa: ARG002 (found by place)
        """The rows of these records; a label counts from when both it and its event have come."""
        scored: list[Row] = []
        outcomes: list[Row] = []
        for record in records:
            place: Place = record.topic, record.partition, record.offset
            if record.role is Role.EVENTS:
                row = self.scored.get(place)
                if row is not None:
                    scored.append(row)
                    self._came.add(row["event_id"])
                    met = self._waiting.pop(row["event_id"], None)
                    outcomes += [met] if met is not None else []
            elif (row := self.outcomes.get(place)) is not None:
                if row["event_id"] in self._came:
                    outcomes.append(row)
                else:
                    self._waiting[row["event_id"]] = row
        return scored, outcomes

    def rest(self) -> None:
        """Nothing is open."""


def check(stages: Sequence[Opened], advance: Callable[[int], None] = lambda _: None) -> list[Checked]:
    """Check the features of every stage and partition; `advance` is told how many records were gone through.

    Raises `Problem` as `Everywhere` and `Recorded` do.
    """
    last = stages[-1]
    rows = Everywhere(last)
    way = {step.stage: step for step in steps(last.pipeline, last.binding.partitions)}
    found = []
    for stage in stages:
        for partition in numbers(stage, None):
            checker = Checker(stage.pipeline, features_of(stage.pipeline, way[stage.stage]))
            recorded = Recorded(stage, partition, rows)
            while batches := list(recorded.batches()):
                for batch in batches:
                    checker.take(batch)
                    advance(len(batch.records))
            events = checker.tally.events if stage is last else 0
            found.append(Checked(partition=partition, tally=checker.tally, left_out=0, events=events))
    return found


def features_of(pipeline: Pipeline, step: Step) -> list[Feature]:
    """What a stage finds: windows of its entity; the last one also what needs no windows, or those of several."""
    return [
        each
        for each in pipeline.features
        if (each.entity == step.entity if isinstance(each, Windows) else step.following is None)
    ]


def _rows(stage: Opened, model: type[Message]) -> list[Row]:
    """All rows of an output topic that are of this definition."""
    topic, decode, ours = stage.topics.named(model.TOPIC), own_decoder(model, stage.registry), stage.pipeline.digest
    found = []
    for partition in range(stage.binding.partitions):
        low, _ = stage.kafka.bounds(topic, partition)
        if low > 0:
            raise Problem(f"{topic}/{partition} begins at offset {low}: keep the topics that Millrace writes")
        for run in stage.kafka.read(topic, partition, low):
            found += [decode(record.value) for record in run.records]
    return [row for row in found if row["model_id"].startswith(f"{ours}/")]
