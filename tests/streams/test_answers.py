"""The laws of score requests: what is asked changes nothing, and the answer is what the event is scored with."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple
from river.forest import ARFClassifier
from river.linear_model import LogisticRegression

import streams.saved_windows
import streams.windows
from schemas.problem import Problem
from schemas.reject import Reason, Reject
from schemas.scored import Scored
from streams import Field, Pipeline
from streams.answer import Answer
from streams.entrance import Unscored
from streams.features import Features
from streams.score import ScoreStage
from streams.score_state import MODEL, ScoreState
from streams.stage import Emitted, Output, Record, Refused, Role
from tests.streams.builders import Log, Tap, fold, pipeline
from tests.streams.logs import LOGS
from tests.streams.state import walk
from tests.streams.test_score_laws import EACH, PIPELINES

TAPS = st.builds(
    Tap,
    tap_id=st.integers(0, 20).map(str),
    at_ms=st.integers(700, 2_500),
    card=st.sampled_from("abcz"),
    shop=st.sampled_from("stz"),
    amount=st.one_of(st.floats(0, 1e3), st.sampled_from([float("nan"), 1e308, 1e-300])),
)
QUESTIONS = st.lists(st.tuples(st.integers(0, 70), TAPS), min_size=1, max_size=15)
"""What is asked before which record."""


@pytest.fixture(autouse=True, scope="module")
def little_is_held() -> Iterator[None]:
    """Windows that soon forget what is behind, and pages of few keys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.saved_windows, "PAGE", 2)
        patch.setattr(streams.windows, "COMPACT_ABOVE", 1)
        yield


class Counting(LogisticRegression):
    """A model that remembers how often it was asked."""

    asked = 0

    def predict_proba_one(self, x: Any, **_: Any) -> Any:  # noqa: ARG002 (whatever it is asked)
        self.asked += 1
        return {True: 0.5, False: 0.5}


class Fresh(LogisticRegression):
    """A model of which a copy has learnt nothing."""

    def __deepcopy__(self, _: Any) -> "Fresh":
        return Fresh()


class Failing(LogisticRegression):
    """A model whose arithmetic fails at one amount."""

    AT = 13.0

    def predict_proba_one(self, x: Any, **_: Any) -> Any:
        if x["amount"] == self.AT:
            raise OverflowError("too much")
        return {True: 0.5, False: 0.5}


def said(stage: Any, state: Any, asked: Any, at_ms: int) -> Any:
    """The answer, or why there is none."""
    try:
        answer = stage.answers.answer(state, asked, at_ms)
    except (Reject, Unscored) as refused:
        return refused.reason
    return told(answer) if isinstance(answer, Answer) else answer


def told(answer: Answer) -> Any:
    """What is said of an event."""
    return answer.vector, astuple(answer.said), answer.rung, answer.learnt


def folded(made: Pipeline, state: ScoreState, emitted: Sequence[Emitted]) -> Any:
    """The same of an event that has been folded."""
    for each in emitted:
        if isinstance(each, Output) and isinstance(each.value, Scored):
            scored = each.value
            learnt = int(scored.model_id.removeprefix(f"{made.digest}/"))
            return scored.features, (scored.score, scored.predicted, scored.probabilities), scored.rung, learnt
        if isinstance(each, Refused):
            return each.reject.reason
    return "duplicate" if state.counts["events.duplicate"] else "late"


def kept(stage: ScoreStage, state: ScoreState) -> Any:
    """All that is saved, but not the model by its bytes: no two of the same model have the same."""
    return walk(state.model), [(key, value) for key, value in stage.save(state) if key != MODEL]


@EACH
@given(records=LOGS, questions=QUESTIONS, saves=st.sets(st.integers(0, 70), max_size=3))
def test_requests_change_no_output_and_nothing_that_is_saved(
    made: Pipeline, records: list[Record], questions: list[tuple[int, Tap]], saves: set[int]
) -> None:
    undisturbed(made, records, questions, saves)


def undisturbed(made: Pipeline, records: list[Record], questions: list[tuple[int, Tap]], saves: set[int]) -> None:
    """Fold with questions in between and without, and compare."""
    stage, asked = ScoreStage(made), ScoreStage(made)
    state, asked_state = stage.initial(0), asked.initial(0)
    for n, record in enumerate(records):
        for tap in (tap for place, tap in questions if place % len(records) == n):
            said(asked, asked_state, tap, record.timestamp_ms)

        assert repr(asked.fold(asked_state, [record])) == repr(stage.fold(state, [record]))
        if n in saves:
            assert kept(asked, asked_state) == kept(stage, state)
    assert kept(asked, asked_state) == kept(stage, state)


@EACH
@given(records=LOGS, restarted=st.booleans())
def test_an_answer_is_what_the_event_is_scored_with(made: Pipeline, records: list[Record], restarted: bool) -> None:
    stage = ScoreStage(made)
    state = stage.initial(0)
    if restarted:
        half = len(records) // 2
        stage.fold(state, records[:half])
        records = records[half:]
        state = stage.restore(0, {key: value for key, value in stage.save(state) if value is not None})
    for record in records:
        if record.role is not Role.EVENTS or isinstance(record.value, Reject):
            stage.fold(state, [record])
            continue
        state.counts.clear()
        answer = said(stage, state, record.value, record.timestamp_ms)

        assert repr(answer) == repr(folded(made, state, stage.fold(state, [record])))


def test_a_forest_that_was_never_taught_is_not_built_by_a_request() -> None:
    made = pipeline(features=[Field("amount")], model=lambda: ARFClassifier(n_models=3, seed=1))
    stage = ScoreStage(made)
    state = stage.initial(0)
    before = walk(state.model)

    answer = stage.answers.answer(state, Tap(tap_id="1", at_ms=1_000), 1_000)

    assert answer.rung == "prior"
    assert walk(state.model) == before


def test_a_model_that_fails_when_it_is_asked_goes_on_learning() -> None:
    made = pipeline(features=[Field("amount")], model=lambda: Failing())
    state, _ = fold(made, Log().tap("1", 1_000).finding("1", 1_001).records)

    answer = ScoreStage(made).answers.answer(state, Tap(tap_id="2", at_ms=1_002, amount=Failing.AT), 1_002)

    assert answer.rung == "prior"
    assert not state.belief.diverged


def test_an_event_that_was_scored_is_not_asked_about_again_until_it_is_forgotten() -> None:
    made = pipeline()
    state, _ = fold(made, Log().tap("1", 1_000).records)
    stage = ScoreStage(made)

    with pytest.raises(Unscored, match="tap_id=1 was scored before"):
        stage.answers.answer(state, Tap(tap_id="1", at_ms=1_100), 1_100)

    assert stage.answers.answer(state, Tap(tap_id="1", at_ms=1_101), 1_101).facts.id == "1"


def test_a_late_request_is_answered_only_where_late_events_are_scored() -> None:
    log = Log().tap("1", 1_000).records
    late = Tap(tap_id="2", at_ms=990)
    state, _ = fold(pipeline(late="skip"), log)

    with pytest.raises(Unscored, match="10 ms behind the newest event"):
        ScoreStage(pipeline(late="skip")).answers.answer(state, late, 1_000)

    assert ScoreStage(pipeline()).answers.answer(fold(pipeline(), log)[0], late, 1_000).vector[1] == 1.0


def test_a_request_too_far_ahead_of_the_clock_is_refused() -> None:
    stage = ScoreStage(pipeline())

    with pytest.raises(Reject) as refused:
        stage.answers.answer(stage.initial(0), Tap(tap_id="1", at_ms=3_000), 1_000)

    assert refused.value.reason is Reason.TIME_AHEAD


def test_windows_that_are_not_kept_apart_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    records, questions = Log().tap("1", 1_000).tap("2", 1_001).records, [(1, Tap(tap_id="3", at_ms=1_000))]
    undisturbed(pipeline(), records, questions, set())
    monkeypatch.setattr(Features, "apart", lambda _, states, *__: states)

    with pytest.raises(AssertionError):
        undisturbed(pipeline(), records, questions, set())


def test_taking_requests_does_not_change_what_the_pipeline_is() -> None:
    assert pipeline(requests=True).digest == pipeline().digest


def test_requests_are_taken_or_not() -> None:
    with pytest.raises(Problem, match="write requests=True"):
        pipeline(requests="1d")


@pytest.mark.parametrize("name", PIPELINES)
def test_a_model_that_stays_as_it_is_may_be_asked(name: str) -> None:
    assert pipeline(model=PIPELINES[name].model, requests=True).requests


def test_a_model_that_changes_when_it_is_asked_takes_no_requests() -> None:
    assert not pipeline(model=lambda: Counting()).requests
    with pytest.raises(Problem, match="Counting changes when it is asked"):
        pipeline(model=lambda: Counting(), requests=True)


def test_a_model_of_which_a_copy_does_not_learn_alike_takes_no_requests() -> None:
    with pytest.raises(Problem, match="a copy of Fresh does not learn as it does"):
        pipeline(model=lambda: Fresh(), requests=True)
