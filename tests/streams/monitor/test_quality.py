"""Quality from bins against its definition, and merged against whole."""

import numpy as np
import pytest
from numpy.typing import NDArray

from streams.monitor import quality
from streams.monitor.quality import Statement
from streams.stage import Record
from tests.streams.monitor import judge
from tests.streams.monitor.rows import HOUR_MS, START_MS, fold, metrics, outcome, scored, watched


def _stated(records: list[Record], task: str) -> Statement:
    """The last word on one window that holds all of `records`."""
    times = [scored(START_MS)] * len(records)
    close = [scored(START_MS + 48 * HOUR_MS)]
    emitted, _ = fold(times + records + close, of=watched(task, horizon_ms=HOUR_MS))  # type: ignore[arg-type]
    last = metrics(emitted, "quality")[-1]

    assert last.values["final"] == 1.0
    assert (last.count, last.missing) == (len(records), 0)
    return Statement(last.values, last.bins)


def _binary(seed: int, size: int, centre: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    draw = np.random.default_rng(seed)
    score = 1.0 / (1.0 + np.exp(-draw.normal(centre, 1.5, size)))
    return score, (draw.random(size) < score).astype(float)


def _records(score: NDArray[np.float64], truth: NDArray[np.float64]) -> list[Record]:
    pairs = zip(score.tolist(), truth.tolist(), strict=True)
    return [outcome(START_MS, START_MS + HOUR_MS // 2, each, target) for each, target in pairs]


@pytest.mark.parametrize(("seed", "centre"), [(0, 0.0), (1, -4.0), (2, -6.0), (3, 3.0)])
def test_binary_figures_are_those_of_their_definitions_within_the_stated_error(seed: int, centre: float) -> None:
    score, truth = _binary(seed, 4_000, centre)
    found = quality.binary(_stated(_records(score, truth), "binary"))
    predicted = score > 0.5

    assert abs(found["roc_auc"] - judge.roc_auc_score(truth, score)) <= found["roc_auc_error"] + 1e-12
    precision = judge.average_precision_score(truth, score)
    assert abs(found["average_precision"] - precision) <= found["average_precision_error"] + 1e-12
    assert found["roc_auc_error"] < 0.005
    assert found["average_precision_error"] < 0.03
    assert found["log_loss"] == pytest.approx(judge.log_loss(truth, score))
    assert found["brier"] == pytest.approx(judge.mean_squared_error(truth, score))
    assert found["accuracy"] == pytest.approx(judge.accuracy_score(truth, predicted))
    assert found["kappa"] == pytest.approx(judge.cohen_kappa_score(truth, predicted))


def test_partitions_merged_are_as_one() -> None:
    score, truth = _binary(5, 3_000, -2.0)
    whole = _stated(_records(score, truth), "binary")
    parts = quality.merge(_stated(_records(score[at::3], truth[at::3]), "binary") for at in range(3))

    assert list(parts.bins) == list(whole.bins)
    assert quality.binary(parts) == pytest.approx(quality.binary(whole))


def test_regression_figures_are_those_of_their_definitions() -> None:
    draw = np.random.default_rng(6)
    truth = draw.normal(10.0, 4.0, 1_500)
    score = truth + draw.normal(0.5, 1.0, 1_500)
    found = quality.regression(_stated(_records(score, truth), "regression"))

    assert found["mae"] == pytest.approx(judge.mean_absolute_error(truth, score))
    assert found["rmse"] == pytest.approx(judge.mean_squared_error(truth, score) ** 0.5)
    assert found["r2"] == pytest.approx(judge.r2_score(truth, score))


def test_of_values_that_vary_too_little_beside_their_size_there_is_no_r2() -> None:
    draw = np.random.default_rng(6)
    for base, told in ((1e5, True), (1e9, False)):
        truth = base + draw.normal(0.0, 1.0, 1_000)
        found = quality.regression(_stated(_records(truth + draw.normal(0.0, 0.5, 1_000), truth), "regression"))

        assert ("r2" in found) is told
        assert not told or found["r2"] == pytest.approx(0.75, abs=0.05)


def test_multiclass_figures_are_those_of_their_definitions() -> None:
    draw = np.random.default_rng(7)
    labels = draw.choice(["a", "b|c", "d"], 1_200).tolist()
    said = [
        label if lucky else other
        for label, lucky, other in zip(labels, draw.random(1_200) < 0.7, labels[::-1], strict=True)
    ]
    rows = [
        outcome(START_MS, START_MS, 0.7, None, label=label, predicted=other, probabilities={other: 0.7, label: 0.7})
        for label, other in zip(labels, said, strict=True)
    ]
    found = quality.multiclass(_stated(rows, "multiclass"))

    assert found["accuracy"] == pytest.approx(judge.accuracy_score(labels, said))
    assert found["kappa"] == pytest.approx(judge.cohen_kappa_score(labels, said))
    assert found["log_loss"] == pytest.approx(-np.log(0.7))


def test_figures_of_nothing_are_absent() -> None:
    assert quality.binary(Statement({}, [])) == {}
    assert quality.regression(Statement({}, [])) == {}
    assert quality.multiclass(Statement({}, [])) == {}


def test_one_class_alone_has_no_auc() -> None:
    found = quality.binary(_stated(_records(np.array([0.2, 0.4]), np.array([0.0, 0.0])), "binary"))

    assert "roc_auc" not in found
    assert found["brier"] == pytest.approx(0.1)
