"""What the score stage states: an outcome, a reply, and that its model has diverged."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from schemas.alert import Alert
from schemas.outcome import Outcome
from schemas.reply import Reply
from streams.answer import Answer
from streams.join import Truth
from streams.learner import class_text
from streams.pending import Pending
from streams.pipeline import Pipeline
from streams.stage import Record


class Met(msgspec.Struct, frozen=True, gc=False):
    """A scored event and the truth about it."""

    event_id: str
    pending: Pending
    truth: Truth


class Stands(NamedTuple):
    """Where the state of a partition stands: the last ledger entry, and what it has folded of each input."""

    partition: int
    positions: Mapping[str, int]
    seq: int
    watermark_ms: int


def reply(
    pipeline: Pipeline, request_id: str | None, answer: Answer, stands: Stands, earlier: Mapping[str, int]
) -> Reply:
    """What was answered, and by the state that stood where; `earlier` are the ledger entries of those asked before."""
    facts, vector, rung, said, learnt = answer
    return Reply.trusted(
        request_id=facts.id if request_id is None else request_id,
        event_id=facts.id,
        entities=pipeline.entities_of(facts.keys),
        event_time_ms=facts.time_ms,
        features=dict(zip(pipeline.feature_names, vector, strict=True)),
        feature_set=pipeline.feature_set,
        score=said.score,
        predicted=said.predicted,
        probabilities=said.probabilities,
        model_id=f"{pipeline.digest}/{learnt}",
        rung=rung,
        partition=stands.partition,
        positions=dict(stands.positions),
        ledger_seq=stands.seq,
        watermark_ms=stands.watermark_ms,
        earlier=dict(earlier),
    )


def outcome(pipeline: Pipeline, met: Met, *, learns: bool) -> Outcome:
    """What was scored met by its truth; `learns` says whether the model was taught with it."""
    pending, truth = met.pending, met.truth
    return Outcome.trusted(
        event_id=met.event_id,
        entities=pipeline.entities_of(pending.keys),
        event_time_ms=pending.event_time_ms,
        label_time_ms=truth.time_ms,
        features=pending.features,
        feature_set=pipeline.feature_set,
        score=pending.score,
        predicted=pending.predicted,
        probabilities=pending.probabilities,
        model_id=f"{pipeline.digest}/{pending.learnt}",
        rung=pending.rung,
        label=class_text(truth.value),
        target=None if pipeline.task == "multiclass" else float(truth.value),
        learnt=learns,
        source_topic=truth.topic,
        source_partition=truth.partition,
        source_offset=truth.offset,
    )


def diverged(pipeline: Pipeline, record: Record, time_ms: int, error: ArithmeticError) -> Alert:
    """The model cannot be computed any more: an alert about it, with the `record` at which that showed."""
    return Alert.trusted(
        pipeline=pipeline.name,
        version=pipeline.version,
        monitor="diverged",
        subject="model",
        partition=record.partition,
        event_time_ms=time_ms,
        window_start_ms=time_ms,
        window_end_ms=time_ms,
        value=1.0,
        threshold=0.0,
        evidence=f"the model has diverged at {record.topic}/{record.partition}/{record.offset} ({error}): it stops "
        f"learning and the prior answers; scale its features or lower its learning rate, and start a new version",
    )
