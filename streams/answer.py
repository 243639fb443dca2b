"""What the score stage says of an event that is only asked about: as if it came next, and nothing is left of it."""

from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from schemas.scored import Rung
from streams.facts import Facts, ahead, facts_of
from streams.join import Join
from streams.ladder import Ladder
from streams.learner import Prediction
from streams.pipeline import Pipeline
from streams.score_state import ScoreState
from streams.tiles import NEVER_MS


class Answer(NamedTuple):
    """What would be said of the event, what the model saw, and how much it has learnt."""

    facts: Facts
    vector: list[float]
    rung: Rung
    said: Prediction
    learnt: int


class Unscored(Exception):
    """The event would not be scored if it came next: it is a `duplicate` of one that is remembered, or `late`."""

    def __init__(self, reason: Literal["duplicate", "late"], message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Answers:
    """Answers from a state, which stays as it was: in what is saved of it, and in all that it gives later."""

    def __init__(self, pipeline: Pipeline, ladder: Ladder, join: Join) -> None:
        self._pipeline = pipeline
        self._features, self._names = pipeline.compiled, pipeline.feature_names
        self._ladder, self._join = ladder, join
        self._facts = facts_of(pipeline)

    def answer(self, state: ScoreState, event: Any, at_ms: int) -> Answer:
        """What `event` would be scored with if it came next, with the Kafka timestamp `at_ms`.

        A label inside the event is not looked at. Raises `Reject` where the event would be rejected, and `Unscored`
        where it would only be counted.
        """
        facts = self._facts(event)
        if facts.time_ms > at_ms + self._pipeline.ahead_ms:
            raise ahead(self._pipeline, facts.time_ms, at_ms)
        watermark_ms = max(state.watermark_ms, facts.time_ms)
        self._refuse_unscored(state, facts, watermark_ms)
        forgotten_ms = watermark_ms if facts.time_ms > state.watermark_ms else NEVER_MS  # only who moves on forgets
        windows = self._features.apart(state.windows, facts.keys, forgotten_ms)
        vector = self._features.vector(windows, event, facts.keys, facts.time_ms)
        rung, said = self._predict(state, dict(zip(self._names, vector, strict=True)))
        return Answer(facts, vector, rung, said, state.learnt)

    def _refuse_unscored(self, state: ScoreState, facts: Facts, watermark_ms: int) -> None:
        pipeline = self._pipeline
        if self._join.seen_by(state.join, facts.id, watermark_ms):
            message = f"the event with {pipeline.id}={facts.id} was scored before: ask about one that was not"
            raise Unscored("duplicate", message)
        behind_ms = state.watermark_ms - facts.time_ms
        if pipeline.late == "skip" and behind_ms > pipeline.lateness_ms:
            message = f"{pipeline.time} is {behind_ms} ms behind the newest event, and this pipeline skips late ones"
            raise Unscored("late", message)

    def _predict(self, state: ScoreState, x: dict[str, float]) -> tuple[Rung, Prediction]:
        """Of the model; of a copy while it was never taught, since some build themselves when they are first asked."""
        model = state.model if state.learnt else deepcopy(state.model)
        belief = replace(state.belief)
        try:
            return self._ladder.answer(model, x, belief)
        except ArithmeticError:
            return self._ladder.fallback(belief)
