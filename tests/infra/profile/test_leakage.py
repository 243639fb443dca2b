"""A planted leak is named; where nothing is planted nothing is."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from tests.infra.profile.events import HOUR_MS, Draw, field, found


def equals(events: Draw) -> pa.Array:
    return pa.array(events.fraud)


def code(events: Draw) -> pa.Array:
    return pa.array(np.where(events.fraud, events.draw.choice(["stolen", "cloned"], events.rows), "ok"))


def score(events: Draw) -> pa.Array:
    return pa.array(events.fraud * 2.0 + events.draw.normal(0.0, 0.3, events.rows))


def inverse(events: Draw) -> pa.Array:
    return pa.array(-10.0 * events.fraud + events.draw.normal(0.0, 1.0, events.rows))


def refund(events: Draw) -> pa.Array:
    """Only some of the frauds have one, and nobody else."""
    return pa.array(
        events.draw.normal(50.0, 5.0, events.rows), mask=~(events.fraud & (events.draw.random(events.rows) < 0.6))
    )


def resolved(events: Draw) -> pa.Array:
    """A time long after the event for frauds alone."""
    return pa.array(events.at_ms + np.where(events.fraud, 90 * HOUR_MS, HOUR_MS), pa.timestamp("ms", "UTC"))


PLANTED = (equals, code, score, inverse, refund, resolved)


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_leak_is_named(plant: Callable[[Draw], pa.Array]) -> None:
    events = Draw()
    events.columns["planted"] = plant(events)
    leaks = found(events.profile(), "leak")

    assert list(leaks) == ["planted"]
    assert leaks["planted"].severity == "serious"
    assert events.profile().findings[0] == leaks["planted"]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rows", [40, 300, 5_000])
def test_clean_events_have_no_leak(rows: int, seed: int) -> None:
    profile = Draw(rows, seed).profile()

    assert found(profile, "leak") == {}


def test_few_rows_with_a_value_each_are_no_leak() -> None:
    events = Draw(48)
    events.fraud = np.arange(48) % 2 == 0
    events.columns["word"] = pa.array([f"w{number}" for number in range(48)])

    assert "word" not in found(events.profile(), "leak")


def test_a_field_that_comes_with_the_label_is_named() -> None:
    events = Draw()
    events.known = events.draw.random(events.rows) < 0.5
    events.columns["reviewer"] = pa.array(events.draw.choice(["ann", "bob"], events.rows), mask=~events.known)
    leaks = found(events.profile(), "leak")

    assert list(leaks) == ["reviewer"]
    assert "comes with the label" in leaks["reviewer"].text


def test_ids_that_tell_the_label_by_their_order_are_named() -> None:
    events = Draw()
    order = np.argsort(events.fraud + events.draw.normal(0.0, 0.5, events.rows))
    place = np.empty(events.rows, dtype=np.int64)
    place[order] = np.arange(events.rows)
    events.columns["event_id"] = pa.array([f"e{number}" for number in place])
    leaks = found(events.profile(), "leak")

    assert list(leaks) == ["event_id"]
    assert leaks["event_id"].severity == "look"


def test_labels_known_before_their_event_are_named() -> None:
    events = Draw(2_000)
    known_ms = events.at_ms + HOUR_MS
    known_ms[:7] = events.at_ms[:7] - 1
    profile = events.profile(known_ms=known_ms, has_time=np.ones(events.rows, dtype=bool))

    assert profile.labels is not None
    assert profile.labels.delays is not None
    assert profile.labels.delays.before_event == 7
    assert "7 labels were known before" in found(profile, "leak")["fraud"].text


def test_a_number_made_of_a_number_as_label_is_named() -> None:
    events = Draw(3_000)
    truth = events.draw.normal(100.0, 10.0, events.rows)
    events.columns["taxed"] = pa.array(np.exp(truth / 50.0))
    profile = events.profile(truth=truth)

    assert profile.labels is not None
    assert profile.labels.task == "regression"
    assert list(found(profile, "leak")) == ["taxed"]


def test_a_field_that_decides_one_of_several_classes_is_named() -> None:
    events = Draw(3_000)
    truth = events.draw.choice(["a", "b", "c"], events.rows)
    events.columns["code"] = pa.array([{"a": "1", "b": "2", "c": "3"}[each] for each in truth])
    profile = events.profile(truth=truth)

    relation = field(profile, "code").relation
    assert relation is not None
    assert relation.told == pytest.approx(1.0)
    assert relation.cramers_v == pytest.approx(1.0)
    assert list(found(profile, "leak")) == ["code"]
