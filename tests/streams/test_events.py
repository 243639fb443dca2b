"""What becomes of an event: scored once, or duplicate, late, or rejected with its reason; the stream goes on."""

import math
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from river.anomaly import HalfSpaceTrees
from river.base import Classifier
from river.linear_model import LinearRegression, LogisticRegression, PAClassifier
from river.naive_bayes import GaussianNB
from river.preprocessing import MinMaxScaler, StandardScaler
from river.tree import HoeffdingTreeClassifier, HoeffdingTreeRegressor

from schemas.alert import Alert
from schemas.outcome import Outcome
from schemas.problem import Problem
from schemas.reject import Reason, Reject
from schemas.scored import Scored
from streams import Derived, Field, Labels, per
from streams.score import ScoreStage
from streams.stage import Output
from tests.streams.builders import Log, fold, messages, pipeline, refusals, times_ms

MADE = pipeline()


def reasons(log: Log, made: Any = MADE) -> list[Reason]:
    return [refused.reject.reason for refused in refusals(fold(made, log.records)[1])]


def test_a_duplicate_is_counted_and_scored_once() -> None:
    state, emitted = fold(MADE, Log().tap("1", 1_000).tap("1", 1_000).tap("1", 1_005, amount=7.0).records)

    assert [scored.source_offset for scored in messages(emitted, Scored)] == [0]
    assert state.counts["events.duplicate"] == 2
    assert times_ms(state) == [1_000]


def test_an_id_is_remembered_through_the_horizon_and_no_longer() -> None:
    assert len(messages(fold(MADE, Log().tap("1", 1_000).tap("1", 1_100).records)[1], Scored)) == 1
    assert len(messages(fold(MADE, Log().tap("1", 1_000).tap("1", 1_101).records)[1], Scored)) == 2


def test_a_late_event_is_scored_as_of_its_own_time() -> None:
    log = Log().tap("1", 1_000).tap("2", 1_040).tap("3", 1_010, kafka_ms=1_040)

    scored = messages(fold(MADE, log.records)[1], Scored)

    counts = MADE.feature_names.index("card.count.20ms")
    assert [s.features[counts] for s in scored] == [1.0, 1.0, 2.0]


def test_an_event_within_the_lateness_is_like_any_other() -> None:
    made = pipeline(late="skip", lateness="30ms")
    state, emitted = fold(made, Log().tap("1", 1_100).tap("within", 1_070).tap("beyond", 1_069).records)

    assert [scored.event_id for scored in messages(emitted, Scored)] == ["1", "within"]
    assert state.counts["events.late"] == 1


def test_a_late_event_is_counted_and_left_out_where_the_definition_says_skip() -> None:
    made = pipeline(late="skip")
    log = Log().tap("1", 1_000).tap("2", 999, kafka_ms=1_000).tap("3", 1_000)

    state, emitted = fold(made, log.records)

    assert [s.event_id for s in messages(emitted, Scored)] == ["1", "3"]
    assert state.counts["events.late"] == 1
    assert times_ms(state) == [1_000, 1_000]


def test_an_event_ahead_of_its_kafka_time_is_rejected_and_moves_no_watermark() -> None:
    log = Log().tap("1", 1_000).tap("2", 3_001, kafka_ms=2_000).tap("3", 3_000, kafka_ms=2_000)

    assert reasons(log) == [Reason.TIME_AHEAD]
    state, _ = fold(MADE, log.records[:2])
    assert state.watermark_ms == 1_000


@pytest.mark.parametrize("amount", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_rejected_and_leaves_no_trace_in_the_windows(amount: float) -> None:
    log = Log().tap("1", 1_000, amount=amount)

    state, emitted = fold(MADE, log.records)

    assert [r.reject.reason for r in refusals(emitted)] == [Reason.NOT_FINITE]
    assert not state.windows[0].histories
    assert not len(state.join.rows)


def test_finite_values_whose_sum_is_not_are_no_reason_to_reject() -> None:
    made = pipeline(
        features=[Field("amount"), Derived("same", same_amount)], model=lambda: MinMaxScaler() | LogisticRegression()
    )

    assert reasons(Log().tap("1", 1_000, amount=1.5e308), made) == []


def same_amount(tap: Any) -> float:
    return float(tap.amount)


def failing(tap: Any) -> float:
    return float(1 / tap.amount)


def test_a_derived_feature_that_fails_rejects_its_event_by_name() -> None:
    made = pipeline(features=[Field("amount"), Derived("inverse", failing)])

    _, emitted = fold(made, Log().tap("1", 1_000, amount=0.0).tap("2", 1_000, amount=2.0).records)

    (refused,) = refusals(emitted)
    assert refused.reject.reason is Reason.FEATURE_FAILED
    assert "inverse" in refused.reject.message
    assert "ZeroDivisionError" in refused.reject.message
    assert [s.event_id for s in messages(emitted, Scored)] == ["2"]


def test_an_absent_value_takes_its_default() -> None:
    made = pipeline(features=[Field("tip", default=0.5)])

    scored = messages(fold(made, Log().tap("1", 1_000).tap("2", 1_000, tip=2.0).records)[1], Scored)

    assert [s.features for s in scored] == [[0.5], [2.0]]


def test_a_rejected_record_is_handed_on_as_it_came_and_the_next_is_scored() -> None:
    reject = Reject(Reason.UNREADABLE, "cut off")
    log = Log().event(reject, 1_000).label(reject, 1_000).tap("1", 1_000)

    state, emitted = fold(MADE, log.records)

    assert [refused.record for refused in refusals(emitted)] == log.records[:2]
    assert all(refused.reject is reject for refused in refusals(emitted))
    assert (state.counts["events.rejected"], state.counts["labels.rejected"]) == (1, 1)
    assert len(messages(emitted, Scored)) == 1


def test_outputs_carry_key_and_kafka_time_of_their_record() -> None:
    log = Log().tap("1", 1_000, kafka_ms=1_234).finding("1", 1_050)

    _, emitted = fold(MADE, log.records)

    assert [(o.key, o.timestamp_ms) for o in emitted if isinstance(o, Output)] == [(b"a", 1_234), (b"a", 1_050)]


class Dated(BaseModel):
    """An event whose time is a `datetime`."""

    id: str
    at: datetime
    amount: float = 1.0


def test_a_time_without_an_offset_is_rejected() -> None:
    made = pipeline(event=Dated, id="id", time="at", labels=None, features=[Field("amount")], model=HalfSpaceSeeded)
    naive, aware = datetime.fromisoformat("2020-01-01T00:00:00"), datetime.fromisoformat("2020-01-01T01:00:00+01:00")
    log = Log().event(Dated(id="1", at=naive), 1_577_836_800_000).event(Dated(id="2", at=aware), 1_577_836_800_000)

    _, emitted = fold(made, log.records)

    assert [r.reject.reason for r in refusals(emitted)] == [Reason.INVALID]
    assert [s.event_time_ms for s in messages(emitted, Scored)] == [1_577_836_800_000]


def HalfSpaceSeeded() -> HalfSpaceTrees:  # noqa: N802
    return HalfSpaceTrees(seed=1, n_trees=2, height=3)


@pytest.mark.parametrize("at_ms", [10**30, -(10**30), -(10**15), 2**63])
def test_a_time_outside_the_calendar_is_rejected(at_ms: int) -> None:
    assert reasons(Log().tap("1", at_ms, kafka_ms=1_000)) in ([Reason.INVALID], [Reason.TIME_AHEAD])


def test_a_sum_beyond_the_largest_float_rejects_its_event_and_leaves_no_trace() -> None:
    made = pipeline(features=[per("card").over("50ms").sum("amount")], model=GaussianNB)
    log = Log().tap("1", 1_000, amount=1.7e308).tap("2", 1_000, amount=1.7e308).tap("3", 1_000, amount=-1.0)

    state, emitted = fold(made, log.records)

    assert [r.reject.reason for r in refusals(emitted)] == [Reason.NOT_FINITE]
    assert [s.event_id for s in messages(emitted, Scored)] == ["1", "3"]
    assert times_ms(state) == [1_000, 1_000]


MODELS: dict[str, Callable[[], Any]] = {
    "logistic regression": lambda: StandardScaler() | LogisticRegression(),
    "bare logistic regression": LogisticRegression,
    "gaussian naive bayes": GaussianNB,
    "tree": lambda: HoeffdingTreeClassifier(grace_period=2),
    "passive aggressive": PAClassifier,
    "half space trees": lambda: MinMaxScaler() | HalfSpaceSeeded(),
}
HUGE = st.lists(
    st.tuples(st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.just(1e200)), st.booleans()), max_size=12
)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's word for what is asked here
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@given(rows=HUGE)
def test_no_finite_value_stops_the_stream(model: Callable[[], Any], rows: list[tuple[float, bool]]) -> None:
    made = pipeline(features=[Field("amount")], model=model)
    log = Log()
    for n, (amount, fraud) in enumerate(rows):
        log.tap(str(n), 1_000 + n, amount=amount).finding(str(n), 1_000 + n, fraud=fraud)

    state, emitted = fold(made, log.records)

    assert state.counts["events.scored"] == len(rows)
    assert len(messages(emitted, Alert)) == state.belief.diverged
    for scored in messages(emitted, Scored):
        assert math.isfinite(scored.score)


class Priced(BaseModel):
    """An event with its truth inside, a number."""

    id: str
    at_ms: int
    size: float
    price: float


@pytest.mark.parametrize("model", [lambda: StandardScaler() | LinearRegression(), HoeffdingTreeRegressor])
@given(
    rows=st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([1.0, 1.7e308])), max_size=8
    )
)
def test_no_finite_truth_stops_the_stream(model: Callable[[], Any], rows: list[tuple[float, float]]) -> None:
    made = pipeline(
        event=Priced,
        id="id",
        time="at_ms",
        labels=Labels(field="price", task="regression"),
        features=[Field("size")],
        model=model,
    )
    log = Log()
    for n, (size, price) in enumerate(rows):
        log.event(Priced(id=str(n), at_ms=1_000 + n, size=size, price=price), 1_000 + n)

    state, emitted = fold(made, log.records)

    assert state.counts["events.scored"] == len(rows)
    for each in messages(emitted, (Scored, Outcome, Alert)):  # type: ignore[arg-type]  # isinstance takes both
        assert type(each)(**each.__dict__) == each


class Fragile(Classifier):
    """A model that goes wrong at its third label, in the way it is told."""

    def __init__(self, score: float = math.nan, error: type[Exception] | None = None) -> None:
        self.score, self.error, self.learnt = score, error, 0

    def learn_one(self, x: Any, y: Any) -> None:  # noqa: ARG002
        self.learnt += 1
        if self.learnt == 3 and self.error is not None:
            raise self.error("learning")

    def predict_proba_one(self, x: Any, **_: Any) -> dict[bool | str | int, float]:  # noqa: ARG002
        return {True: self.score if self.learnt >= 3 else 0.5}


class Mute(Fragile):
    """A model that cannot answer once it has learnt."""

    def predict_proba_one(self, x: Any, **_: Any) -> dict[bool | str | int, float]:
        if self.learnt:
            raise ValueError("it does not say")
        return super().predict_proba_one(x)


@pytest.mark.parametrize(
    ("how", "learnt"),
    [({}, 3), ({"score": math.inf}, 3), ({"error": OverflowError}, 2), ({"error": ZeroDivisionError}, 2)],
)
def test_a_model_that_diverges_says_so_once_and_the_prior_answers(how: dict[str, Any], learnt: int) -> None:
    made = pipeline(features=[Field("amount")], model=lambda: Fragile(**how))
    log = Log()
    for n in range(6):
        log.tap(str(n), 1_000 + n).finding(str(n), 1_000 + n)

    state, emitted = fold(made, log.records)

    assert [alert.monitor for alert in messages(emitted, Alert)] == ["diverged"]
    assert [s.rung for s in messages(emitted, Scored)] == ["champion"] * 3 + ["prior"] * 3
    assert [o.learnt for o in messages(emitted, Outcome)] == [True] * learnt + [False] * (6 - learnt)
    assert messages(emitted, Scored)[-1].score == (learnt + 1) / (learnt + 2)
    assert (state.counts["labels.learnt"], state.counts["labels.met"]) == (learnt, 6 - learnt)


def test_a_model_that_fails_otherwise_stops_the_fold() -> None:
    made = pipeline(features=[Field("amount")], model=lambda: Fragile(error=KeyError))
    log = Log()
    for n in range(3):
        log.tap(str(n), 1_000 + n).finding(str(n), 1_000 + n)

    with pytest.raises(Problem, match=r"Fragile failed at taps.labels/0/2: KeyError: 'learning': mend model="):
        fold(made, log.records)


def test_a_model_that_cannot_answer_stops_the_fold() -> None:
    made = pipeline(features=[Field("amount")], model=Mute)
    log = Log().tap("1", 1_000).finding("1", 1_000).tap("2", 1_001)

    with pytest.raises(Problem, match=r"Mute failed at taps.events/0/1: ValueError: it does not say: mend model="):
        fold(made, log.records)


@pytest.mark.parametrize("at_ms", [-1, -(10**9), 10**15])
def test_a_time_before_1970_or_of_no_year_is_rejected(at_ms: int) -> None:
    log = Log().tap("1", at_ms, kafka_ms=1_000).tap("2", 1_000)

    assert reasons(log) == [Reason.INVALID]
    assert fold(MADE, log.records)[0].watermark_ms == 1_000


@pytest.mark.parametrize("default", [False, 0, np.float64(0.0)])
def test_a_default_is_a_float_however_it_is_written(default: Any) -> None:
    window = per("card").over("50ms", itself=False).mean("amount", default=default)
    tiles = per("card").over("50ms", tile="10ms", itself=False).max("amount", default=default)
    nothing = Derived("nothing", lambda _: math.nan, default=default)
    made = pipeline(features=[Field("tip", default=default), window, tiles, nothing])

    _, emitted = fold(made, Log().tap("1", 1_000).finding("1", 1_001).records)

    (scored,), (met,) = messages(emitted, Scored), messages(emitted, Outcome)
    assert [type(value) for value in scored.features] == [float] * 4
    assert met.features == scored.features == [0.0] * 4


class Numbered(BaseModel):
    """A finding of one of very many kinds."""

    tap_id: str
    known_ms: int
    kind: int
    card: str = "a"


@pytest.mark.parametrize(("kind", "met"), [(2**63 - 1, 1), (-(2**63), 1), (2**63, 0), (-(2**63) - 1, 0)])
def test_a_class_beyond_64_bits_is_rejected_and_the_others_can_be_saved(kind: int, met: int) -> None:
    known = Labels(Numbered, id="tap_id", field="kind", time="known_ms", task="multiclass", horizon="100ms")
    made = pipeline(labels=known, model=GaussianNB)
    log = Log().tap("1", 1_000).label(Numbered(tap_id="1", known_ms=1_001, kind=kind), 1_001)

    state, emitted = fold(made, log.records)

    assert (len(messages(emitted, Outcome)), len(refusals(emitted))) == (met, 1 - met)
    assert dict(ScoreStage(made).save(state))


class Unordered(Classifier):
    """Knows its classes as a set, as some of River's models do."""

    _multiclass = True

    def __init__(self, classes: tuple[str, ...]) -> None:
        self.classes = classes

    def learn_one(self, x: Any, y: Any) -> None:
        """It knows enough."""

    def predict_proba_one(self, x: Any, **_: Any) -> dict[bool | str | int, float]:  # noqa: ARG002
        return dict.fromkeys(self.classes, 1.0 / len(self.classes))


@pytest.mark.parametrize("classes", [("sea", "sky"), ("sky", "sea")])
def test_classes_stand_in_the_order_of_their_names_and_of_equals_the_first_is_said(classes: tuple[str, ...]) -> None:
    made = pipeline(labels=Labels(field="shop", task="multiclass"), model=lambda: Unordered(classes))

    (scored,) = messages(fold(made, Log().tap("1", 1_000).records)[1], Scored)

    assert list(scored.probabilities.items()) == [("sea", 0.5), ("sky", 0.5)]
    assert scored.predicted == "sea"
