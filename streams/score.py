"""The score stage: features, a score, the join with the label, and what the model learns from it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from schemas.message import Message
from schemas.problem import Problem
from schemas.reject import Reject
from schemas.scored import Rung, Scored
from streams.admit import Admission, join_of
from streams.answer import ScoreAnswers
from streams.assembly import Assembly
from streams.facts import Facts
from streams.hand import taking
from streams.join import Truth
from streams.labelled import Labelled
from streams.ladder import Ladder
from streams.learner import Prediction, last_step
from streams.passing import PassedEvent, PassedLabel
from streams.pending import Pending, left_out, outside_of
from streams.pipeline import Pipeline
from streams.plan import Step, steps
from streams.said import Met, diverged, outcome
from streams.score_state import Saving, ScoreState
from streams.stage import Emitted, Output, Record, Refused, Role, Saved


class Known(msgspec.Struct, frozen=True, gc=False):
    """What is known of an event when it is scored: its features, the groups of windows that it is `outside`, where it
    stood when it came (topic, partition, offset), and the truth, where that was inside it."""

    facts: Facts
    vector: list[float]
    outside: Sequence[int]
    stood: tuple[str, int, int]
    inside: Truth | None


class ScoreStage:
    """Scores events and teaches the model with their labels, in one total order.

    It is the last step of the `way` of an event. The only one reads events and labels as they come and holds all
    windows; one behind others holds those of its entity, and reads what the others pass on.
    """

    name = "score"

    def __init__(self, pipeline: Pipeline, way: Sequence[Step] | None = None) -> None:
        way = way or steps(pipeline, 1)
        self._pipeline = pipeline
        self._take = taking(pipeline.model(), pipeline.task, pipeline.feature_names)
        self._ladder = Ladder(pipeline.task)
        self._features, self._assembly = pipeline.compiled, Assembly(pipeline, way)
        self._alone, self._windows = self._assembly.alone, self._assembly.windows
        self._rated = self._windows.rated
        self._by_itself = pipeline.kind == "anomaly"
        self._labelled, self._join = Labelled(pipeline), join_of(pipeline)
        self._waits = self._labelled.later or (self._labelled.inside and not self._alone)
        self._admission = Admission(pipeline, self._join, self._windows)
        self._saving = Saving(pipeline, self._windows, self._join)
        self.answers = ScoreAnswers(pipeline, self._assembly, self._take, self._ladder, self._join)

    def initial(self, partition: int) -> ScoreState:  # noqa: ARG002 (every partition starts alike)
        """An untaught model and no memory."""
        return ScoreState(self._pipeline.model(), self._windows.initial())

    def save(self, state: ScoreState) -> Saved:
        """What has changed since the last call."""
        return self._saving.save(state)

    def restore(self, partition: int, values: Mapping[bytes, bytes]) -> ScoreState:  # noqa: ARG002 (as in `initial`)
        """The state that was saved. Raises `Problem` where its model is none of ours."""
        return self._saving.restore(values)

    def fold(self, state: ScoreState, records: Sequence[Record]) -> list[Emitted]:
        """Score events, meet labels. What cannot be used is refused, and the fold goes on.

        Raises `Problem` where more is to be remembered than the definition allows, or the model fails; `state` is of no
        use from then on.
        """
        emitted: list[Emitted] = []
        events = Role.EVENTS
        state.hand = self._take(state.model)
        for record in records:
            value: Any = record.value
            try:
                if isinstance(value, Reject):
                    raise value
                if not self._alone:
                    self._passed(state, record, value, emitted)
                elif record.role is events:
                    self._event(state, record, emitted)
                else:
                    event_id, truth = self._labelled.of_label(record)
                    self._label(state, record, event_id, truth, emitted)
            except Reject as reject:
                state.counts[f"{record.role}.rejected"] += 1
                emitted.append(Refused(record, reject))
        state.hand.put_back()
        state.hand = None
        return emitted

    def _event(self, state: ScoreState, record: Record, emitted: list[Emitted]) -> None:
        facts = self._admission.admit(state, record)
        if facts is None:
            return
        inside = self._labelled.of_event(record, facts.time_ms)
        read = self._features.read(record.value)
        vector = self._features.vector_of(state.windows, read, facts.keys, facts.time_ms)
        stood = record.topic, record.partition, record.offset
        self._score(state, record, Known(facts, vector, read.outside, stood, inside), emitted)

    def _passed(
        self, state: ScoreState, record: Record, passed: PassedEvent | PassedLabel, emitted: list[Emitted]
    ) -> None:
        """What another stage has accepted; of ids that come under several keys the first one counts."""
        if isinstance(passed, PassedLabel):
            self._label(state, record, passed.facts.id, passed.truth, emitted)
            return
        facts, read, _, origin = passed
        self._admission.advance(state, facts.time_ms)
        if self._join.seen(state.join, facts.id):
            state.counts["events.duplicate"] += 1
            return
        vector = self._assembly.vector(state.windows, passed)
        self._score(state, record, Known(facts, vector, read.outside, origin[:3], None), emitted)

    def _score(self, state: ScoreState, record: Record, known: Known, emitted: list[Emitted]) -> None:
        facts, vector = known.facts, known.vector
        event_id, keys, time_ms = facts.id, facts.keys, facts.time_ms
        topic, partition, offset = known.stood
        rung, said = self._predict(state, vector, time_ms, record, emitted)
        learnt = state.belief.learnt
        scored = Scored.trusted(
            event_id=event_id,
            entities=self._pipeline.entities_of(keys),
            event_time_ms=time_ms,
            features=vector,
            feature_set=self._pipeline.feature_set,
            score=said.score,
            predicted=said.predicted,
            probabilities=said.probabilities,
            model_id=f"{self._pipeline.digest}/{learnt}",
            rung=rung,
            explanation=None,
            source_topic=topic,
            source_partition=partition,
            source_offset=offset,
        )
        state.counts["events.scored"] += 1
        if self._windows.cut(state.windows, keys):
            state.counts["windows.cut"] += 1
        emitted.append(_output(record, scored))
        whole = Pending(keys, time_ms, vector, said.score, said.predicted, said.probabilities, learnt, rung)
        pending = left_out(whole, known.outside)
        if self._by_itself:
            self._teach(state, time_ms, vector, None, record, emitted)
        if self._waits:
            truth = self._join.wait(state.join, event_id, pending, state.counts)
        else:
            self._join.event(state.join, event_id, time_ms)
            truth = known.inside
        if truth is not None:
            self._outcome(state, record, Met(event_id, pending, truth), emitted)

    def _predict(
        self, state: ScoreState, vector: list[float], time_ms: int, record: Record, emitted: list[Emitted]
    ) -> tuple[Rung, Prediction]:
        assert state.hand is not None
        try:
            return self._ladder.answer(state.hand, vector, state.belief)
        except ArithmeticError as error:
            emitted.append(_output(record, diverged(self._pipeline, record, time_ms, error)))
        except Exception as error:  # the user's own model, of which anything may come: named, and the partition stops
            raise self._failed(record, error) from error
        return self._ladder.fallback(state.belief)

    def _label(self, state: ScoreState, record: Record, event_id: str, truth: Truth, emitted: list[Emitted]) -> None:
        if self._revise(state, event_id, truth):
            return
        pending = self._join.label(state.join, event_id, truth, state.counts)
        if pending is not None:
            self._outcome(state, record, Met(event_id, pending, truth), emitted)

    def _revise(self, state: ScoreState, event_id: str, truth: Truth) -> bool:
        """Whether the label takes the place of another, in rates alone: the model was taught with the first."""
        revised = self._join.revise(state.join, event_id, truth)
        if revised is None:
            return False
        state.counts["labels.revised"] += 1
        keys, time_ms = revised.keys, revised.event_time_ms
        if self._rated:
            outside = outside_of(revised)
            self._windows.label(state.windows, keys, time_ms, outside, positive=truth.value, revises=True)
        return True

    def _outcome(self, state: ScoreState, record: Record, met: Met, emitted: list[Emitted]) -> None:
        """The scored event met by its label: taught and stated."""
        pending, truth = met.pending, met.truth.value
        time_ms = pending.event_time_ms
        if self._rated:
            self._windows.label(state.windows, pending.keys, time_ms, outside_of(pending), positive=truth)
        learns = not self._by_itself and self._teach(state, time_ms, pending.features, truth, record, emitted)
        emitted.append(_output(record, outcome(self._pipeline, met, learns=learns)))
        state.counts["labels.learnt" if learns else "labels.met"] += 1

    def _teach(
        self, state: ScoreState, time_ms: int, vector: list[float], truth: Any, record: Record, emitted: list[Emitted]
    ) -> bool:
        """Whether the model has learnt: one that has diverged does not, nor one whose arithmetic fails at it.

        Raises `Problem` where it fails in any other way.
        """
        assert state.hand is not None
        try:
            if state.before and not state.belief.diverged:
                state.before[-1].taught.append((vector, truth))
            return self._ladder.teach(state.hand, vector, truth, state.belief)
        except ArithmeticError as error:
            emitted.append(_output(record, diverged(self._pipeline, record, time_ms, error)))
        except Exception as error:  # as above
            raise self._failed(record, error) from error
        return False

    def _failed(self, record: Record, error: Exception) -> Problem:
        model = type(last_step(self._pipeline.model())).__name__
        at = f"{record.topic}/{record.partition}/{record.offset}"
        return Problem(
            f"{model} failed at {at}: {type(error).__name__}: {error}: mend model= in the definition, or its features, "
            f"and start it as a new version"
        )


def _output(record: Record, value: Message) -> Output:
    return Output(record.key or b"", value, record.timestamp_ms)
