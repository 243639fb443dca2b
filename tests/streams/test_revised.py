"""A label that is revised counts in every rate as if it had never been another."""

from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from schemas.problem import Problem
from schemas.scored import Scored
from streams import Field, Labels, Pipeline, per
from streams.stage import Record, Role
from tests.infra.skew.stream import taps
from tests.streams.builders import COMPACT, WINDOWS, Finding, Tap, fold, labels, messages, pipeline
from tests.streams.logs import LOGS
from tests.streams.naive_join import NaiveJoin
from tests.streams.stages import Chain

REVISED = {"labels": labels(horizon="60ms", revisions="rates"), "remember": "80ms"}
PIPELINES = {
    "exact": pipeline(features=WINDOWS, **REVISED),
    "compact": pipeline(features=COMPACT, **REVISED),
    "three stages": pipeline(
        features=[each.over("20ms").rate("label") for each in (per("card"), per(), per("shop"))], **REVISED
    ),
    "late allowed": pipeline(features=[*WINDOWS, *COMPACT], lateness="25ms", **REVISED),
}
MANY = taps(600)
EACH = pytest.mark.parametrize("made", PIPELINES.values(), ids=PIPELINES)


def contradicted(records: list[Record]) -> list[Record]:
    """Before each finding one that says the opposite."""
    told = []
    for record in records:
        if isinstance(record.value, Finding):
            told.append(replace(record, value=record.value.model_copy(update={"fraud": not record.value.fraud})))
        told.append(record)
    ends = dict.fromkeys(Role, 0)
    for n, record in enumerate(told):
        told[n] = replace(record, offset=ends[record.role])
        ends[record.role] += 1
    return told


def features(made: Pipeline, records: list[Record]) -> list[Any]:
    """Of one stage."""
    return [each.features for each in messages(fold(made, records)[1], Scored)]


def staged(made: Pipeline, records: list[Record]) -> list[Any]:
    """Of a stage per entity."""
    return [each.features for each in messages(Chain(made, 2, place=lambda _: 0).fold(records).emitted[-1], Scored)]


@EACH
@given(records=LOGS)
def test_what_was_said_before_changes_no_later_feature(made: Pipeline, records: list[Record]) -> None:
    assert features(made, contradicted(records)) == features(made, records)


@EACH
@given(records=LOGS)
def test_what_was_said_before_changes_no_later_feature_of_several_stages(made: Pipeline, records: list[Record]) -> None:
    assert staged(made, contradicted(records)) == staged(made, records)


@EACH
def test_of_many_labels_what_was_said_before_changes_no_later_feature(made: Pipeline) -> None:
    assert features(made, contradicted(MANY)) == features(made, MANY)
    assert staged(made, contradicted(MANY)) == staged(made, MANY)


def test_of_many_labels_each_is_counted_as_the_naive_join_does() -> None:
    made = PIPELINES["exact"]
    oracle = NaiveJoin(horizon_ms=60, remember_ms=80, skips_late=False, ahead_ms=made.ahead_ms, revised=True)
    for record in contradicted(MANY):
        oracle.add(record)

    state, _ = fold(made, contradicted(MANY))
    state.counts.pop("windows.cut")  # of windows, not of the join
    assert +state.counts == +oracle.counts
    assert state.counts["labels.revised"] > 100


def test_without_being_asked_for_a_revision_changes_nothing() -> None:
    assert pipeline(features=WINDOWS).digest != PIPELINES["exact"].digest


@pytest.mark.parametrize(
    ("given_labels", "given_features", "said"),
    [
        (lambda: labels(revisions="all"), WINDOWS, r"revisions='all'\): write \"rates\""),
        (lambda: labels(revisions="rates"), [Field("amount")], "no feature is a rate of labels"),
        (lambda: Labels(field="fraud", task="binary", revisions="rates"), WINDOWS, "inside the event comes once"),
    ],
)
def test_revisions_that_could_change_nothing_are_refused(given_labels: Any, given_features: Any, said: str) -> None:
    with pytest.raises(Problem, match=said):
        pipeline(event=Tap, labels=given_labels(), features=given_features)
