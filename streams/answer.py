"""What a stage says of an event that is only asked about: as if it came next, and nothing is left of it.

A question goes the way of an event: each stage finds what its windows give, and the last one scores.
"""

from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from schemas.scored import Rung
from streams.assembly import Assembly
from streams.before import ModelBefore
from streams.entity_state import EntityState
from streams.entrance import Entrance, apart
from streams.facts import Facts
from streams.hand import Take
from streams.join import Join
from streams.keeper import EntityKeeper, Keeper, ModelKeeper
from streams.keyed_groups import Groups
from streams.ladder import Ladder
from streams.learner import Prediction
from streams.passing import NOWHERE, PassedEvent
from streams.pipeline import Pipeline
from streams.score_state import ScoreState


class Answer(NamedTuple):
    """What would be said of the event, what the model saw, and how much it has learnt."""

    facts: Facts
    vector: list[float]
    rung: Rung
    said: Prediction
    learnt: int


class Answers(Protocol):
    """Answers from a state, which stays as it was: in what is saved of it, and in all that it gives later.

    While the `keeper` keeps what stood before folds that are not final, answers are of the state before those.
    """

    @property
    def keeper(self) -> Keeper: ...

    def answer(self, state: Any, asked: Any, at_ms: int) -> Answer | PassedEvent:
        """What the stage gives if `asked` comes next, with the Kafka timestamp `at_ms`, after what is final.

        The first stage is asked about an event, whose label, where it has one, is not looked at; another one about what
        the stage before has passed on. Raises `Reject` where the event would be rejected, and `Unscored` where it would
        only be counted.
        """


class EntityAnswers:
    """What the stage of one entity would pass on."""

    def __init__(self, pipeline: Pipeline, windows: Groups, join: Join, *, first: bool) -> None:
        self.keeper = EntityKeeper()
        self._features, self._windows = pipeline.compiled, windows
        self._first, self._entrance = first, Entrance(pipeline, join)

    def answer(self, state: EntityState, asked: Any, at_ms: int) -> PassedEvent:
        if self._first:
            facts = self._entrance.admit(state, asked, at_ms)
            asked = PassedEvent(facts, self._features.read(asked), [], NOWHERE)
        facts, read, found, origin = asked
        own = self._windows.found(apart(self._windows, state, facts), read, facts.keys, facts.time_ms)
        return PassedEvent(facts, read, found + own, origin)


class ScoreAnswers:
    """What the score stage would say."""

    def __init__(self, pipeline: Pipeline, assembly: Assembly, take: Take, ladder: Ladder, join: Join) -> None:
        self.keeper = ModelKeeper(take)
        self._features, self._assembly = pipeline.compiled, assembly
        self._take, self._ladder = take, ladder
        self._entrance = Entrance(pipeline, join)

    def answer(self, state: ScoreState, asked: Any, at_ms: int) -> Answer:
        facts, vector = self._of_event(state, asked, at_ms) if self._assembly.alone else self._of_passed(state, asked)
        stood = state.before[0] if state.before else state
        rung, said = self._predict(stood, vector)
        return Answer(facts, vector, rung, said, stood.belief.learnt)

    def _of_event(self, state: ScoreState, event: Any, at_ms: int) -> tuple[Facts, list[float]]:
        facts = self._entrance.admit(state, event, at_ms)
        windows = apart(self._assembly.windows, state, facts)
        return facts, self._features.vector(windows, event, facts.keys, facts.time_ms)

    def _of_passed(self, state: ScoreState, passed: PassedEvent) -> tuple[Facts, list[float]]:
        self._entrance.refuse_duplicate(state, passed.facts)
        return passed.facts, self._assembly.vector(apart(self._assembly.windows, state, passed.facts), passed)

    def _predict(self, stood: ScoreState | ModelBefore, vector: list[float]) -> tuple[Rung, Prediction]:
        """Of the model; of a copy while it was never taught, since some build themselves when they are first asked."""
        model = stood.model if stood.belief.learnt else deepcopy(stood.model)
        belief = replace(stood.belief)
        try:
            return self._ladder.answer(self._take(model), vector, belief)
        except ArithmeticError:
            return self._ladder.fallback(belief)
