"""What the score stage says of an event that is only asked about: as if it came next, and nothing is left of it."""

from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal, NamedTuple

from schemas.scored import Rung
from streams.before import Before
from streams.facts import Facts, ahead, facts_of
from streams.hand import Take
from streams.join import Join
from streams.keeper import Keeper
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
    """Answers from a state, which stays as it was: in what is saved of it, and in all that it gives later.

    While a `keeper` keeps what stood before folds that are not final, answers are of the state before those.
    """

    def __init__(self, pipeline: Pipeline, take: Take, ladder: Ladder, join: Join) -> None:
        self.keeper = Keeper(take)
        self._pipeline = pipeline
        self._features = pipeline.compiled
        self._take, self._ladder, self._join = take, ladder, join
        self._facts = facts_of(pipeline)

    def answer(self, state: ScoreState, event: Any, at_ms: int) -> Answer:
        """What `event` would be scored with if it came next, with the Kafka timestamp `at_ms`, after what is final.

        A label inside the event is not looked at. Raises `Reject` where the event would be rejected, and `Unscored`
        where it would only be counted.
        """
        facts = self._facts(event)
        if facts.time_ms > at_ms + self._pipeline.ahead_ms:
            raise ahead(self._pipeline, facts.time_ms, at_ms)
        stood = state.before[0] if state.before else state
        watermark_ms = max(stood.watermark_ms, facts.time_ms)
        self._refuse_duplicate(state, facts, watermark_ms)
        self._refuse_late(stood, facts)
        forgotten_ms = watermark_ms if facts.time_ms > stood.watermark_ms else NEVER_MS  # only who moves on forgets
        windows = self._features.apart(state.windows, facts.keys, forgotten_ms)
        vector = self._features.vector(windows, event, facts.keys, facts.time_ms)
        rung, said = self._predict(stood, vector)
        return Answer(facts, vector, rung, said, stood.belief.learnt)

    def _refuse_duplicate(self, state: ScoreState, facts: Facts, watermark_ms: int) -> None:
        if self._join.seen_by(state.join, facts.id, watermark_ms):
            named = f"{self._pipeline.id}={facts.id}"
            raise Unscored("duplicate", f"the event with {named} was scored before: ask about one that was not")

    def _refuse_late(self, stood: ScoreState | Before, facts: Facts) -> None:
        pipeline = self._pipeline
        behind_ms = stood.watermark_ms - facts.time_ms
        if pipeline.late == "skip" and behind_ms > pipeline.lateness_ms:
            message = f"{pipeline.time} is {behind_ms} ms behind the newest event, and this pipeline skips late ones"
            raise Unscored("late", message)

    def _predict(self, stood: ScoreState | Before, vector: list[float]) -> tuple[Rung, Prediction]:
        """Of the model; of a copy while it was never taught, since some build themselves when they are first asked."""
        model = stood.model if stood.belief.learnt else deepcopy(stood.model)
        belief = replace(stood.belief)
        try:
            return self._ladder.answer(self._take(model), vector, belief)
        except ArithmeticError:
            return self._ladder.fallback(belief)
