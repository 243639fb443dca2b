"""What the score stage states: an outcome, and that its model has diverged."""

from schemas.alert import Alert
from schemas.outcome import Outcome
from schemas.scored import Scored
from streams.join import Truth
from streams.labels import Task
from streams.learner import class_text
from streams.pipeline import Pipeline
from streams.stage import Record


def outcome(scored: Scored, truth: Truth, task: Task, *, learns: bool) -> Outcome:
    """`scored` met by its truth."""
    return Outcome.trusted(
        event_id=scored.event_id,
        entities=scored.entities,
        event_time_ms=scored.event_time_ms,
        label_time_ms=truth.time_ms,
        features=scored.features,
        feature_set=scored.feature_set,
        score=scored.score,
        predicted=scored.predicted,
        probabilities=scored.probabilities,
        model_id=scored.model_id,
        rung=scored.rung,
        label=class_text(truth.value),
        target=None if task == "multiclass" else float(truth.value),
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
