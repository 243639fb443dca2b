"""A stage that holds the windows of one entity and passes on what they have found; it scores nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.passed import Passed
from schemas.reject import Reject
from streams.admit import Admission, join_of
from streams.answer import EntityAnswers
from streams.entity_state import EntityState
from streams.facts import Facts
from streams.labelled import Labelled
from streams.memory import MemorySaving
from streams.passing import Origin, PassedEvent, PassedLabel, Passing
from streams.pending import outside_of, unscored
from streams.pipeline import Pipeline
from streams.plan import Step, held, key_of
from streams.stage import Emitted, Output, Record, Refused, Role, Saved


class EntityStage:
    """Finds what the windows of one entity give for each event, and sends it on, keyed by the entity that follows.

    The first such stage reads events and labels as they come. It admits an event once, and sends a label behind its
    event, wherever that goes; so later stages need to know neither duplicates nor labels without an event.
    """

    def __init__(self, pipeline: Pipeline, step: Step) -> None:
        assert step.following is not None
        self.name = step.stage
        self._first, self._features = step.first, pipeline.compiled
        self._windows, self._passing = held(pipeline.compiled, step), Passing(pipeline.compiled)
        self._labelled, self._join = Labelled(pipeline), join_of(pipeline)
        self._admission = Admission(pipeline, self._join, self._windows)
        self._saving = MemorySaving(self._windows, self._join)
        self.answers = EntityAnswers(pipeline, self._windows, self._join, first=step.first)
        self._key = key_of(pipeline, step.following)

    def initial(self, partition: int) -> EntityState:  # noqa: ARG002 (every partition starts alike)
        """No memory."""
        return EntityState(self._windows.initial())

    def save(self, state: EntityState) -> Saved:
        """What has changed since the last call."""
        return self._saving.save(state)

    def restore(self, partition: int, values: Mapping[bytes, bytes]) -> EntityState:  # noqa: ARG002 (as in `initial`)
        """The state that was saved."""
        memory = self._saving.restore(values)
        return EntityState(memory.windows, Counter(memory.numbers.counts), memory.join, memory.numbers.watermark_ms)

    def fold(self, state: EntityState, records: Sequence[Record]) -> list[Emitted]:
        """Find and pass on. What cannot be used is refused, and the fold goes on.

        Raises `Problem` where more is to be remembered than the definition allows; `state` is of no use from then on.
        """
        emitted: list[Emitted] = []
        events = Role.EVENTS
        for record in records:
            value: Any = record.value
            try:
                if isinstance(value, Reject):
                    raise value
                if not self._first:
                    self._passed(state, record, value, emitted)
                elif record.role is events:
                    self._event(state, record, emitted)
                else:
                    self._label(state, record, emitted)
            except Reject as reject:
                state.counts[f"{record.role}.rejected"] += 1
                emitted.append(Refused(record, reject))
        return emitted

    def _event(self, state: EntityState, record: Record, emitted: list[Emitted]) -> None:
        facts = self._admission.admit(state, record)
        if facts is None:
            return
        inside = self._labelled.of_event(record, facts.time_ms)
        origin = Origin(record.topic, record.partition, record.offset, record.key, record.raw)
        read = self._features.read(record.value)
        self._found(state, record, PassedEvent(facts, read, [], origin), emitted)
        if self._labelled.later:
            pending = unscored(facts.keys, facts.time_ms, read.outside)
            truth = self._join.wait(state.join, facts.id, pending, state.counts)
        else:
            self._join.event(state.join, facts.id, facts.time_ms)
            truth = inside
        if truth is not None:
            self._known(state, record, PassedLabel(facts, truth, read.outside), emitted)

    def _label(self, state: EntityState, record: Record, emitted: list[Emitted]) -> None:
        event_id, truth = self._labelled.of_label(record)
        revised = self._join.revise(state.join, event_id, truth)
        pending = revised or self._join.label(state.join, event_id, truth, state.counts)
        if pending is not None:
            facts = Facts(event_id, pending.keys, pending.event_time_ms)
            passed = PassedLabel(facts, truth, outside_of(pending), revises=revised is not None)
            self._known(state, record, passed, emitted)

    def _passed(
        self, state: EntityState, record: Record, passed: PassedEvent | PassedLabel, emitted: list[Emitted]
    ) -> None:
        if isinstance(passed, PassedLabel):
            self._known(state, record, passed, emitted)
        else:
            self._admission.advance(state, passed.facts.time_ms)
            self._found(state, record, passed, emitted)

    def _found(self, state: EntityState, record: Record, passed: PassedEvent, emitted: list[Emitted]) -> None:
        facts, read, found, origin = passed
        own = self._windows.found(state.windows, read, facts.keys, facts.time_ms)
        state.counts["events.passed"] += 1
        if self._windows.cut(state.windows, facts.keys):
            state.counts["windows.cut"] += 1
        message = self._passing.event(PassedEvent(facts, read, found + own, origin))
        emitted.append(self._output(record, facts, message))

    def _known(self, state: EntityState, record: Record, passed: PassedLabel, emitted: list[Emitted]) -> None:
        """The label of an event that was passed on is known, or another one now."""
        facts, truth, outside, revises = passed
        state.counts["labels.passed"] += 1
        if self._windows.rated:
            self._windows.label(
                state.windows, facts.keys, facts.time_ms, outside, positive=truth.value, revises=revises
            )
        emitted.append(self._output(record, facts, self._passing.label(passed)))

    def _output(self, record: Record, facts: Facts, message: Passed) -> Output:
        return Output(self._key(facts.keys).encode(), message, record.timestamp_ms)
