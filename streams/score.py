"""The score stage: features, a score, the join with the label, and what the model learns from it."""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

from schemas.message import Message
from schemas.reject import Reason, Reject
from schemas.scored import Rung, Scored
from streams.instant import instant_ms
from streams.join import Join, Truth
from streams.ladder import Ladder
from streams.learner import Prediction, learner
from streams.pending import Pending
from streams.pipeline import Pipeline
from streams.said import Met, diverged, outcome
from streams.score_state import Saving, ScoreState
from streams.stage import Emitted, Output, Record, Refused, Role, Saved


class Facts(NamedTuple):
    """Of one event: its id and the values of its entities as text, and its time, milliseconds since the epoch."""

    id: str
    keys: tuple[str, ...]
    time_ms: int


class ScoreStage:
    """Scores events and teaches the model with their labels, in one total order."""

    name = "score"

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._labels = pipeline.labels
        self._learner = learner(pipeline.model(), pipeline.task)
        self._ladder = Ladder(self._learner, pipeline.task)
        self._features, self._rated = pipeline.compiled, pipeline.compiled.rated
        self._names, self._entities = pipeline.feature_names, pipeline.entities
        self._by_itself = pipeline.kind == "anomaly"
        self._labelled_inside = self._labels is not None and self._labels.inside
        self._labelled_later = self._labels is not None and not self._labels.inside
        self._facts = attrgetter(pipeline.time, pipeline.id, *pipeline.entities)
        horizon_ms = self._labels.horizon_ms if self._labels is not None else 0
        most = pipeline.limits.remembered
        self._join = Join(horizon_ms=horizon_ms, remember_ms=pipeline.remember_ms, most=most)
        self._saving = Saving(pipeline, self._join)

    def initial(self, partition: int) -> ScoreState:  # noqa: ARG002 (every partition starts alike)
        """An untaught model and no memory."""
        return ScoreState(self._pipeline.model(), self._features.initial())

    def save(self, state: ScoreState) -> Saved:
        """What has changed since the last call."""
        return self._saving.save(state)

    def restore(self, partition: int, values: Mapping[bytes, bytes]) -> ScoreState:  # noqa: ARG002 (as in `initial`)
        """The state that was saved. Raises `Problem` where its model is none of ours."""
        return self._saving.restore(values)

    def fold(self, state: ScoreState, records: Sequence[Record]) -> list[Emitted]:
        """Score events, meet labels. What cannot be used is refused, and the fold goes on.

        Raises `Problem` where more is to be remembered than the definition allows; `state` is of no use from then on.
        """
        emitted: list[Emitted] = []
        for record in records:
            try:
                if isinstance(record.value, Reject):
                    raise record.value
                if record.role is Role.EVENTS:
                    self._event(state, record, record.value, emitted)
                else:
                    self._label(state, record, record.value, emitted)
            except Reject as reject:
                state.counts[f"{record.role}.rejected"] += 1
                emitted.append(Refused(record, reject))
        return emitted

    def _event(self, state: ScoreState, record: Record, event: Any, emitted: list[Emitted]) -> None:
        pipeline = self._pipeline
        time, given_id, *given_keys = self._facts(event)
        time_ms = instant_ms(time)
        if time_ms > record.timestamp_ms + pipeline.ahead_ms:
            ahead_ms = time_ms - record.timestamp_ms
            raise Reject(Reason.TIME_AHEAD, f"{pipeline.time} is {ahead_ms} ms ahead of the record's Kafka timestamp")
        late = time_ms < state.watermark_ms - pipeline.lateness_ms
        self._advance(state, time_ms)
        event_id = str(given_id)
        if self._join.seen(state.join, event_id):
            state.counts["events.duplicate"] += 1
        elif late and pipeline.late == "skip":
            state.counts["events.late"] += 1
        else:
            self._score(state, record, Facts(event_id, tuple(map(str, given_keys)), time_ms), emitted)

    def _score(self, state: ScoreState, record: Record, facts: Facts, emitted: list[Emitted]) -> None:
        event_id, keys, time_ms = facts
        inside = self._inside_truth(record, time_ms) if self._labelled_inside else None
        vector = self._features.vector(state.windows, record.value, keys, time_ms)
        x = dict(zip(self._names, vector, strict=True))
        rung, said = self._predict(state, x, time_ms, record, emitted)
        learnt = state.belief.learnt
        scored = Scored.trusted(
            event_id=event_id,
            entities=dict(zip(self._entities, keys, strict=True)),
            event_time_ms=time_ms,
            features=vector,
            feature_set=self._pipeline.feature_set,
            score=said.score,
            predicted=said.predicted,
            probabilities=said.probabilities,
            model_id=f"{self._pipeline.digest}/{learnt}",
            rung=rung,
            explanation=None,
            source_topic=record.topic,
            source_partition=record.partition,
            source_offset=record.offset,
        )
        state.counts["events.scored"] += 1
        emitted.append(_output(record, scored))
        pending = Pending(keys, time_ms, vector, said.score, said.predicted, said.probabilities, learnt, rung)
        if self._by_itself:
            self._teach(state, time_ms, x, None, record, emitted)
        if self._labelled_later:
            truth = self._join.wait(state.join, event_id, pending, state.counts)
        else:
            self._join.event(state.join, event_id, time_ms)
            truth = inside
        if truth is not None:
            self._outcome(state, record, Met(event_id, pending, truth), x, emitted)

    def _inside_truth(self, record: Record, time_ms: int) -> Truth:
        assert self._labels is not None
        value = self._learner.truth(getattr(record.value, self._labels.field))
        return Truth(value, time_ms, record.topic, record.partition, record.offset)

    def _predict(
        self, state: ScoreState, x: dict[str, float], time_ms: int, record: Record, emitted: list[Emitted]
    ) -> tuple[Rung, Prediction]:
        try:
            return self._ladder.answer(state.model, x, state.belief)
        except ArithmeticError as error:
            emitted.append(_output(record, diverged(self._pipeline, record, time_ms, error)))
            return self._ladder.fallback(state.belief)

    def _label(self, state: ScoreState, record: Record, label: Any, emitted: list[Emitted]) -> None:
        labels = self._labels
        assert labels is not None
        assert labels.id is not None
        assert labels.time is not None
        time_ms = instant_ms(getattr(label, labels.time))
        value = self._learner.truth(getattr(label, labels.field))
        truth = Truth(value, time_ms, record.topic, record.partition, record.offset)
        event_id = str(getattr(label, labels.id))
        pending = self._join.label(state.join, event_id, truth, state.counts)
        if pending is not None:
            x = dict(zip(self._names, pending.features, strict=True))
            self._outcome(state, record, Met(event_id, pending, truth), x, emitted)

    def _outcome(
        self, state: ScoreState, record: Record, met: Met, x: dict[str, float], emitted: list[Emitted]
    ) -> None:
        """The scored event met by its label: taught and stated."""
        truth, time_ms = met.truth.value, met.pending.event_time_ms
        if self._rated:
            self._features.label(state.windows, met.pending.keys, time_ms, positive=truth)
        learns = not self._by_itself and self._teach(state, time_ms, x, truth, record, emitted)
        emitted.append(_output(record, outcome(self._pipeline, met, learns=learns)))
        state.counts["labels.learnt" if learns else "labels.met"] += 1

    def _teach(
        self, state: ScoreState, time_ms: int, x: dict[str, float], truth: Any, record: Record, emitted: list[Emitted]
    ) -> bool:
        """Whether the model has learnt: one that has diverged does not, nor one whose arithmetic fails at it."""
        try:
            return self._ladder.teach(state.model, x, truth, state.belief)
        except ArithmeticError as error:
            emitted.append(_output(record, diverged(self._pipeline, record, time_ms, error)))
            return False

    def _advance(self, state: ScoreState, time_ms: int) -> None:
        if time_ms > state.watermark_ms:
            state.watermark_ms = time_ms
            self._features.expire(state.windows, time_ms)
            self._join.expire(state.join, time_ms, state.counts)


def _output(record: Record, value: Message) -> Output:
    return Output(record.key or b"", value, record.timestamp_ms)
