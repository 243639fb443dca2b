"""Quality from merged sums and score bins: figures are computed from what was added, never averaged."""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streams.monitor.column import Floats

TELLING = 1e-12
"""Sums of floats are right to some 1e-15 of themselves: of a difference this small against them, three digits are."""


class Statement(NamedTuple):
    """The `values` and `bins` of one quality metric, or of several merged ones."""

    values: Mapping[str, float]
    bins: Sequence[int]


def merge(statements: Iterable[Statement]) -> Statement:
    """Add statements about different events: other partitions or windows, the latest revision of each."""
    values: dict[str, float] = {}
    bins: NDArray[np.int64] = np.empty(0, dtype=np.int64)
    for statement in statements:
        for name, value in statement.values.items():
            values[name] = values.get(name, 0.0) + value
        added = np.asarray(statement.bins, dtype=np.int64)
        bins = bins + added if len(bins) and len(added) else (added if len(added) else bins)
    return Statement(values, bins.tolist())


def binary(statement: Statement) -> dict[str, float]:
    """ROC AUC, average precision, log loss, Brier score, accuracy, Cohen's kappa; a figure that is undefined is absent.

    `roc_auc` and `average_precision` treat scores of one bin as equal; the exact figures differ from them by at most
    `roc_auc_error` and `average_precision_error`, which the bins themselves bound. Accuracy and kappa are over the
    events for which a class was said.
    """
    values, n = statement.values, statement.values.get("n", 0.0)
    if not n:
        return {}
    confusion = {
        (label, said): values[f"{right}_{said}"]
        for label, said, right in (
            ("positive", "positive", "true"),
            ("positive", "negative", "false"),
            ("negative", "negative", "true"),
            ("negative", "positive", "false"),
        )
    }
    figures = {"log_loss": values["log_loss_sum"] / n, "brier": values["brier_sum"] / n}
    return figures | _ranking(statement.bins) | _agreement(confusion)


def multiclass(statement: Statement) -> dict[str, float]:
    """Accuracy and Cohen's kappa from the confusion, log loss where probabilities were given.

    With pairs of classes beyond what a window keeps, kappa is absent.
    """
    values = statement.values
    confusion = {}
    for name, count in values.items():
        if name.startswith("confusion:"):
            label, _, predicted = name.removeprefix("confusion:").partition("|")
            confusion[label, predicted] = count
    figures = _agreement(confusion)
    if values.get("confusion_others"):
        figures = {"accuracy": values["correct"] / (values["n"] - values["unpredicted"])}
    if values.get("log_loss_count"):
        figures["log_loss"] = values["log_loss_sum"] / values["log_loss_count"]
    return figures


def regression(statement: Statement) -> dict[str, float]:
    """MAE, RMSE and R²; R² is absent where the targets do not vary, or so little beside their size that sums of their
    squares cannot tell by how much."""
    values, n = statement.values, statement.values.get("n", 0.0)
    if not n:
        return {}
    figures = {"mae": values["abs_error_sum"] / n, "rmse": sqrt(values["squared_error_sum"] / n)}
    spread = values["target_square_sum"] - values["target_sum"] ** 2 / n
    if spread > TELLING * values["target_square_sum"]:
        figures["r2"] = 1.0 - values["squared_error_sum"] / spread
    return figures


def _agreement(confusion: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Accuracy and Cohen's kappa of counts per (true, predicted)."""
    total = sum(confusion.values())
    if not total:
        return {}
    truths: dict[str, float] = {}
    answers: dict[str, float] = {}
    for (label, predicted), count in confusion.items():
        truths[label] = truths.get(label, 0.0) + count
        answers[predicted] = answers.get(predicted, 0.0) + count
    observed = sum(count for (label, predicted), count in confusion.items() if label == predicted) / total
    by_chance = sum(count * answers.get(label, 0.0) for label, count in truths.items()) / total**2
    figures = {"accuracy": observed}
    if by_chance < 1.0:
        figures["kappa"] = (observed - by_chance) / (1.0 - by_chance)
    return figures


def _ranking(bins: Sequence[int]) -> dict[str, float]:
    """ROC AUC and average precision, from the best score downwards, with their largest errors."""
    halves = np.asarray(bins, dtype=np.float64).reshape(2, -1)[:, ::-1]
    negatives, positives = halves[:, halves.sum(axis=0) > 0]
    all_negatives, all_positives = negatives.sum(), positives.sum()
    if not all_positives:
        return {}
    found, wrong = np.cumsum(positives), np.cumsum(negatives)
    low, high = _precision_bounds(positives, negatives)
    average_precision = float((positives * found / (found + wrong)).sum() / all_positives)
    figures = {
        "average_precision": average_precision,
        "average_precision_error": max(high - average_precision, average_precision - low),
    }
    if all_negatives:
        pairs = all_negatives * all_positives
        figures["roc_auc"] = float((negatives * (found - positives / 2.0)).sum() / pairs)
        figures["roc_auc_error"] = float((negatives * positives).sum() / (2.0 * pairs))
    return figures


def _precision_bounds(positives: Floats, negatives: Floats) -> tuple[float, float]:
    """Average precision if within each bin the negatives came first, and if the positives did."""
    each = positives.astype(np.int64)
    wrong = np.cumsum(negatives)
    ranks = np.arange(1.0, each.sum() + 1.0)  # the k-th positive from above has k positives at or above it
    wrong_worst, wrong_best = np.repeat(wrong, each), np.repeat(wrong - negatives, each)
    return float((ranks / (ranks + wrong_worst)).mean()), float((ranks / (ranks + wrong_best)).mean())
