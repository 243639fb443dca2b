"""What becomes of single records, odd ones included."""

import math

import numpy as np
import pytest
from datasketches import tdigest_double
from msgspec.structs import replace

from schemas.reject import Reason, Reject
from streams.monitor import Monitor
from streams.stage import Record, Refused
from tests.streams.monitor.rows import FEATURES, HOUR_MS, START_MS, Story, fold, metrics, outcome, scored, watched

SMALL = Monitor(at_least=50)


def _hour(hour: int, amounts: list[float]) -> list[Record]:
    return [scored(START_MS + hour * HOUR_MS + at, (amount, 0.0, 1.0, 2.0, 3.0)) for at, amount in enumerate(amounts)]


def test_statistics_are_those_of_the_window() -> None:
    amounts = np.random.default_rng(3).lognormal(3.0, 1.0, 2_000)
    emitted, _ = fold(_hour(0, amounts.tolist()) + _hour(1, [1.0]), SMALL)
    metric = metrics(emitted, "amount")[0]

    assert (metric.count, metric.missing, metric.kind) == (2_000, 0, "feature")
    assert (metric.window_start_ms, metric.window_end_ms) == (START_MS, START_MS + HOUR_MS)
    assert metric.values["mean"] == pytest.approx(amounts.mean())
    assert metric.values["variance"] == pytest.approx(amounts.var())
    assert (metric.values["min"], metric.values["max"]) == (amounts.min(), amounts.max())
    assert metric.values["p50"] == pytest.approx(np.median(amounts), rel=0.1)
    assert metric.sketch is not None
    assert tdigest_double.deserialize(metric.sketch).get_total_weight() == 2_000


def test_a_window_of_few_events_goes_on_until_it_has_enough() -> None:
    emitted, _ = fold(_hour(0, [1.0] * 30) + _hour(2, [1.0] * 30) + _hour(9, [1.0]), SMALL)
    found = metrics(emitted, "amount")

    assert [(metric.window_start_ms, metric.window_end_ms) for metric in found] == [(START_MS, START_MS + 3 * HOUR_MS)]
    assert found[0].count == 60


def test_a_row_from_before_the_open_window_is_counted_late() -> None:
    emitted, state = fold(_hour(0, [1.0] * 60) + _hour(1, [1.0] * 60) + _hour(0, [9.0]) + _hour(2, [1.0]), SMALL)
    last = metrics(emitted, "amount")[-1]

    assert (last.values["late"], last.count, last.values["max"]) == (1.0, 60, 1.0)
    assert state.counts == {"scored.counted": 121, "scored.late": 1}


def test_values_that_are_no_number_are_missing() -> None:
    odd = [math.nan, math.inf, -math.inf, 1e200]
    emitted, _ = fold(_hour(0, [1.0] * 60 + odd) + _hour(1, [1.0]), SMALL)
    metric = metrics(emitted, "amount")[0]

    assert (metric.count, metric.missing, metric.values["max"]) == (60, 4, 1.0)


def test_a_column_without_any_value_is_stated_as_missing() -> None:
    emitted, _ = fold(_hour(0, [math.nan] * 60) + _hour(1, [1.0]), SMALL)
    metric = metrics(emitted, "amount")[0]

    assert (metric.count, metric.missing, metric.sketch) == (0, 60, None)
    assert metric.values == {"late": 0.0}


def test_rows_of_another_definition_are_counted_and_left_out() -> None:
    other = [scored(START_MS, model_id="0ld/7"), scored(START_MS, model_id="abc1/7"), scored(START_MS, features=(1.0,))]
    label = outcome(START_MS, START_MS, 0.5, 1.0, model_id="0ld/7")
    emitted, state = fold([*other, label], SMALL)

    assert emitted == []
    assert state.counts == {"scored.other_definition": 3, "outcomes.other_definition": 1}


def test_what_cannot_be_decoded_is_refused_and_the_fold_goes_on() -> None:
    reject = Reject(next(iter(Reason)), "not Avro")
    broken = replace(scored(START_MS), value=reject)
    emitted, state = fold([broken, scored(START_MS)], SMALL)

    assert emitted == [Refused(broken, reject)]
    assert state.counts == {"scored.rejected": 1, "scored.counted": 1}


def test_outcomes_without_a_usable_number_are_counted() -> None:
    odd = [outcome(START_MS, START_MS, math.nan, 1.0), outcome(START_MS, START_MS, 0.5, None)]
    _, state = fold(odd, SMALL)

    assert state.counts == {"outcomes.unusable": 2}


def test_outcomes_of_a_pipeline_without_labels_are_ignored() -> None:
    _, state = fold([scored(START_MS), outcome(START_MS, START_MS, 0.5, 1.0)], SMALL, watched("none"))

    assert state.counts == {"scored.counted": 1, "outcomes.ignored": 1}


def test_quality_is_stated_again_as_labels_come_and_says_what_is_missing() -> None:
    later = [outcome(START_MS + at, START_MS + 5 * HOUR_MS + at, 0.2, 0.0) for at in range(60)]
    hours = [scored(START_MS + hour * HOUR_MS) for hour in range(1, 30)]
    records = sorted(_hour(0, [1.0] * 100) + later + hours, key=lambda record: record.timestamp_ms)
    emitted, state = fold(records, SMALL, watched(horizon_ms=20 * HOUR_MS))
    first_hour = [metric for metric in metrics(emitted, "quality") if metric.window_start_ms == START_MS]

    assert [(metric.revision, metric.count, metric.missing) for metric in first_hour] == [
        (0, 0, 100),
        (1, 60, 40),
        (2, 60, 40),
    ]
    assert [metric.values["final"] for metric in first_hour] == [0.0, 0.0, 1.0]
    assert sum(first_hour[-1].bins) == 60
    assert min(state.outcomes.tallies.cells) >= state.outcomes.tallies.oldest


def test_an_outcome_behind_the_horizon_is_counted_late() -> None:
    records = [scored(START_MS), scored(START_MS + 90 * HOUR_MS), outcome(START_MS, START_MS + 90 * HOUR_MS, 0.5, 1.0)]
    _, state = fold(records, SMALL, watched(horizon_ms=20 * HOUR_MS))

    assert state.counts["outcomes.late"] == 1


def test_statements_about_a_window_stay_few_however_its_labels_trickle() -> None:
    emitted, _ = fold(Story(days=4, per_day=5_000, label_delay_ms=20 * HOUR_MS).records(), SMALL)

    assert max(metric.revision for metric in metrics(emitted, "quality")) < 40


def test_counts_of_all_rows_add_up() -> None:
    records = Story(days=1, per_day=3_000).records()
    _, state = fold(records, SMALL)

    assert sum(state.counts.values()) == len(records)
    assert len(FEATURES) == len(state.drift.crossings) - 1
