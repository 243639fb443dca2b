"""What becomes of a label: learnt once with the vector that was scored, or one of six other things, each counted."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from pydantic import BaseModel
from river.anomaly import HalfSpaceTrees
from river.linear_model import LinearRegression

from schemas.message import Message
from schemas.outcome import Outcome
from schemas.problem import Problem
from schemas.reject import Reason
from schemas.scored import Scored
from streams import Field, Labels, Limits, per
from streams.score_state import ScoreState
from streams.stage import Record
from tests.streams.builders import Finding, Log, definition, fold, labels, messages, pipeline, refusals
from tests.streams.logs import LOGS
from tests.streams.naive_join import NaiveJoin

MADE = pipeline()


def became(log: Log, made: Any = MADE) -> dict[str, int]:
    """The counts of labels that are not zero."""
    state, _ = fold(made, log.records)
    return {name.removeprefix("labels."): n for name, n in state.counts.items() if n and name.startswith("labels.")}


def remembered(state: ScoreState, ids: Iterable[str]) -> set[str]:
    """Those of `ids` whose events are remembered."""
    return {each for each in ids if state.join.rows.find(each) is not None}


REVISED = labels(revisions="rates")
RATE = [Field("amount"), per("card").over("50ms").rate("label")]

RULES = [
    ({"horizon": "100ms"}, None, "score"),
    ({"horizon": "10ms"}, "90ms", "score"),
    ({"horizon": "50ms"}, "60ms", "skip"),
    ({"horizon": "0ms"}, "5ms", "score"),
]


@pytest.mark.parametrize(("rule", "remember", "late"), RULES)
@given(records=LOGS)
def test_what_becomes_of_each_record_is_what_the_naive_join_says(
    rule: dict[str, str], remember: str | None, late: str, records: list[Record]
) -> None:
    made = pipeline(labels=labels(**rule), remember=remember, late=late)
    oracle = NaiveJoin(
        horizon_ms=labels(**rule).horizon_ms,
        remember_ms=made.remember_ms,
        skips_late=late == "skip",
        ahead_ms=made.ahead_ms,
    )

    state, emitted = fold(made, records)
    for record in records:
        oracle.add(record)

    assert +state.counts == +oracle.counts
    assert [(o.event_id, o.label == "true") for o in messages(emitted, Outcome)] == oracle.taught
    assert set(state.join.held) == set(oracle.held)
    assert remembered(state, [str(n) for n in range(15)]) == set(oracle.taps)
    assert len(state.join.rows) == len(oracle.taps)


@given(records=LOGS)
def test_what_becomes_of_labels_that_may_be_revised_is_what_the_naive_join_says(records: list[Record]) -> None:
    made = pipeline(labels=labels(horizon="50ms", revisions="rates"), features=RATE, remember="60ms")
    oracle = NaiveJoin(horizon_ms=50, remember_ms=60, skips_late=False, ahead_ms=made.ahead_ms, revised=True)

    state, emitted = fold(made, records)
    for record in records:
        oracle.add(record)

    assert +state.counts == +oracle.counts
    assert [(o.event_id, o.label == "true") for o in messages(emitted, Outcome)] == oracle.taught
    assert {event_id: truth.value for event_id, truth in state.join.held.items()} == {
        event_id: finding.fraud for event_id, finding in oracle.held.items()
    }


@given(records=LOGS)
def test_an_outcome_repeats_what_was_scored_and_follows_it(records: list[Record]) -> None:
    _, emitted = fold(MADE, records)
    scored: dict[str, Scored] = {}
    for each in emitted:
        value = getattr(each, "value", None)
        if isinstance(value, Scored):
            scored[value.event_id] = value
        elif isinstance(value, Outcome):
            for name in (
                "entities",
                "event_time_ms",
                "features",
                "feature_set",
                "score",
                "predicted",
                "model_id",
                "rung",
            ):
                assert getattr(value, name) == getattr(scored[value.event_id], name)


def test_a_label_teaches_the_next_event_and_no_earlier_one() -> None:
    _, emitted = fold(MADE, Log().tap("1", 1_000).tap("2", 1_001).finding("1", 1_002).tap("3", 1_003).records)

    assert [s.model_id.partition("/")[2] for s in messages(emitted, Scored)] == ["0", "0", "1"]


def test_a_label_that_comes_first_is_held_and_learnt_right_after_its_event() -> None:
    log = Log().finding("1", 1_000).tap("1", 1_000).tap("2", 1_000)

    _, emitted = fold(MADE, log.records)

    assert [message.TOPIC for message in messages(emitted, Message)] == ["scored", "outcomes", "scored"]
    assert [s.model_id.partition("/")[2] for s in messages(emitted, Scored)] == ["0", "1"]
    assert messages(emitted, Outcome)[0].source_topic == "taps.labels"


def test_a_repeated_label_teaches_once() -> None:
    assert became(Log().tap("1", 1_000).finding("1", 1_001).finding("1", 1_002)) == {"learnt": 1, "repeated": 1}
    assert became(Log().finding("1", 999).finding("1", 999).tap("1", 1_000)) == {"learnt": 1, "repeated": 1}


def test_the_first_of_two_labels_that_contradict_stands() -> None:
    after = Log().tap("1", 1_000).finding("1", 1_001).finding("1", 1_002, fraud=False)
    before = Log().finding("1", 1_000).finding("1", 1_000, fraud=False).tap("1", 1_000)

    assert became(after) == became(before) == {"learnt": 1, "superseded": 1}
    for log in (after, before):
        assert [outcome.label for outcome in messages(fold(MADE, log.records)[1], Outcome)] == ["true"]


def test_a_revised_label_changes_rates_and_is_not_taught() -> None:
    made = pipeline(labels=REVISED, features=RATE)
    log = Log().tap("1", 1_000).finding("1", 1_001).tap("2", 1_002).finding("1", 1_003, fraud=False).tap("3", 1_004)

    _, emitted = fold(made, log.records)

    assert became(log, made) == {"learnt": 1, "revised": 1}
    assert [each.features[1] for each in messages(emitted, Scored)] == [0.0, 0.5, 0.0]
    assert [outcome.label for outcome in messages(emitted, Outcome)] == ["true"]


def test_a_label_that_is_revised_before_its_event_comes_teaches_its_last_value() -> None:
    made = pipeline(labels=REVISED, features=RATE)
    log = Log().finding("1", 1_000).finding("1", 1_000, fraud=False).tap("1", 1_000)

    assert became(log, made) == {"learnt": 1, "revised": 1}
    assert [(o.label, o.source_offset) for o in messages(fold(made, log.records)[1], Outcome)] == [("false", 1)]


def test_a_label_is_revised_within_the_horizon_only() -> None:
    made = pipeline(labels=REVISED, features=RATE)
    late = Log().tap("1", 1_000).finding("1", 1_001).finding("1", 1_101, fraud=False)
    both_late = Log().tap("1", 1_000).finding("1", 1_101).finding("1", 1_100, fraud=False)

    assert became(late, made) == {"learnt": 1, "superseded": 1}
    assert became(both_late, made) == {"expired": 1, "superseded": 1}


def test_a_label_later_than_the_horizon_teaches_nothing() -> None:
    assert became(Log().tap("1", 1_000).finding("1", 1_100)) == {"learnt": 1}
    assert became(Log().tap("1", 1_000).finding("1", 1_101)) == {"expired": 1}


def test_a_label_ahead_of_its_kafka_time_is_rejected_and_waits_for_no_event() -> None:
    ahead = Finding(tap_id="1", known_ms=3_001, fraud=True)
    log = Log().label(ahead, 2_000).label(ahead.model_copy(update={"tap_id": "2", "known_ms": 3_000}), 2_000)

    state, emitted = fold(MADE, log.records)

    assert [(r.record.offset, r.reject.reason) for r in refusals(emitted)] == [(0, Reason.TIME_AHEAD)]
    assert "known_ms is 1001 ms ahead of the record's Kafka timestamp" in str(refusals(emitted)[0].reject)
    assert list(state.join.held) == ["2"]


def test_a_label_whose_event_never_comes_is_orphaned_once_the_horizon_has_passed() -> None:
    assert became(Log().finding("1", 1_000).tap("2", 1_100)) == {}
    assert became(Log().finding("1", 1_000).tap("2", 1_101)) == {"orphaned": 1}


def test_an_event_without_a_label_is_counted_when_it_is_forgotten() -> None:
    state, _ = fold(MADE, Log().tap("1", 1_000).tap("2", 1_101).records)

    assert state.counts["waiting.unlabelled"] == 1
    assert remembered(state, ["1", "2"]) == {"2"}


def test_a_held_label_waits_its_whole_horizon_though_an_earlier_one_for_the_same_id_has_met() -> None:
    """The first label is ahead of its event, so its deadline outlives the event's."""
    made = pipeline(labels=labels(horizon="100ms"))
    log = Log().finding("1", 1_090).tap("1", 1_000).tap("2", 1_150).finding("1", 1_150).tap("3", 1_200)

    state, _ = fold(made, log.records)

    assert list(state.join.held) == ["1"]


class Marked(BaseModel):
    """A tap that carries its own truth."""

    tap_id: str
    at_ms: int
    card: str = "a"
    amount: float
    kind: str = "x"
    worth: float = 0.0
    flag: int = 0


def inside(field: str, task: Any, **overrides: Any) -> Any:
    return pipeline(event=Marked, labels=Labels(field=field, task=task), features=[Field("amount")], **overrides)


def marked(*rows: dict[str, Any]) -> Log:
    log = Log()
    for n, row in enumerate(rows):
        log.event(Marked(tap_id=str(n), at_ms=1_000 + n, amount=float(n), **row), 1_000 + n)
    return log


def test_a_label_inside_the_event_is_learnt_right_after_its_score() -> None:
    state, emitted = fold(inside("flag", "binary"), marked({"flag": 1}, {"flag": 0}, {"flag": 1}).records)

    assert state.counts["labels.learnt"] == 3
    assert [s.model_id.partition("/")[2] for s in messages(emitted, Scored)] == ["0", "1", "2"]
    assert [o.target for o in messages(emitted, Outcome)] == [1.0, 0.0, 1.0]
    assert [o.source_topic for o in messages(emitted, Outcome)] == ["taps.events"] * 3


def test_a_label_inside_that_is_no_truth_rejects_its_event_and_leaves_no_trace() -> None:
    state, emitted = fold(inside("flag", "binary"), marked({"flag": 2}).records)

    assert [refused.reject.reason for refused in refusals(emitted)] == [Reason.INVALID]
    assert not messages(emitted, Scored)
    assert not len(state.join.rows)


def test_the_number_of_a_regression_is_target_and_text() -> None:
    made = inside("worth", "regression", model=LinearRegression)

    state, emitted = fold(made, marked({"worth": 2.5}, {"worth": -1.0}).records)

    assert [(o.target, o.label) for o in messages(emitted, Outcome)] == [(2.5, "2.5"), (-1.0, "-1.0")]
    assert all(s.predicted is None and s.probabilities is None for s in messages(emitted, Scored))
    assert state.learnt == 2


def test_an_infinite_truth_of_a_regression_is_rejected() -> None:
    made = inside("worth", "regression", model=LinearRegression)

    _, emitted = fold(made, marked({"worth": float("inf")}).records)

    assert [refused.reject.reason for refused in refusals(emitted)] == [Reason.NOT_FINITE]


def test_an_anomaly_detector_learns_every_event_and_its_labels_are_met() -> None:
    made = pipeline(features=[Field("amount")], model=lambda: HalfSpaceTrees(seed=1, n_trees=2, height=3))

    state, emitted = fold(made, Log().tap("1", 1_000).finding("1", 1_001).tap("2", 1_002).records)

    assert [s.model_id.partition("/")[2] for s in messages(emitted, Scored)] == ["0", "1"]
    assert [o.learnt for o in messages(emitted, Outcome)] == [False]
    assert state.counts["labels.met"] == 1
    assert state.learnt == 2


def test_without_labels_every_event_is_scored_and_nothing_waits() -> None:
    arguments = definition(labels=None, features=[Field("amount")], model=lambda: HalfSpaceTrees(seed=1))

    state, emitted = fold(pipeline(**arguments), Log().tap("1", 1_000).tap("2", 2_000_000_000).records)

    assert len(messages(emitted, Scored)) == 2
    assert state.counts["waiting.unlabelled"] == 0


@pytest.mark.parametrize("labelled", [True, False])
def test_a_partition_stops_at_the_event_that_is_one_too_many_to_remember(labelled: bool) -> None:
    given = {} if labelled else {"labels": None, "model": lambda: HalfSpaceTrees(seed=1), "remember": "100ms"}
    made = pipeline(**given, limits=Limits(remembered=2))
    log = Log().tap("1", 1_000).tap("2", 1_001).tap("2", 1_001).tap("3", 1_101)

    assert len(messages(fold(made, log.records)[1], Scored)) == 3
    with pytest.raises(Problem, match=r"2 events are remembered .* Limits\(remembered=2\)"):
        fold(made, log.tap("4", 1_101).records)


def test_a_partition_stops_at_the_label_that_is_one_too_many_to_hold() -> None:
    made = pipeline(limits=Limits(remembered=2))
    log = Log().finding("1", 1_000).finding("2", 1_001).finding("2", 1_002).tap("1", 1_003).finding("3", 1_004)

    assert fold(made, log.records)[0].held == 2
    with pytest.raises(Problem, match=r"2 labels wait for an event .* Limits\(remembered=2\)"):
        fold(made, log.finding("4", 1_005).records)
