"""Figures of quality, exact over all scores: equal scores are one threshold, nothing is put into bins.

A figure that is undefined (no event of a class, no spread, no probabilities) is absent. As the monitor does, figures of
scores are over all events that were labelled, figures of classes over those for which a class was said.
"""

from collections.abc import Callable, Mapping

import numpy as np

from infra.backtest.answers import Floats, Ints, Said, Truth
from infra.backtest.trace import NONE
from streams.monitor.grade import LEAST

Figures = dict[str, float]
Judge = Callable[[Said, Truth], Figures]


def ranking(said: Said, truth: Truth) -> Figures:
    """ROC AUC and average precision of scores that need be no probabilities; the truth is 1 or 0."""
    positives, negatives = _thresholds(said.scores, truth.numbers > 0.0)
    found, wrong = np.cumsum(positives), np.cumsum(negatives)
    if not len(found) or not found[-1]:
        return {}
    figures = {"average_precision": float((positives * (found / (found + wrong))).sum() / found[-1])}
    if wrong[-1]:
        doubled = int((negatives * (2 * found - positives)).sum())  # whole numbers: no sum is rounded
        figures = {"roc_auc": doubled / (2 * int(found[-1]) * int(wrong[-1])), **figures}
    return figures


def binary(said: Said, truth: Truth) -> Figures:
    """ROC AUC, average precision, log loss, Brier score, accuracy, F1 of the positive class, Cohen's kappa."""
    if not len(said.scores):
        return {}
    positive = truth.numbers > 0.0
    right = np.clip(np.where(positive, said.scores, 1.0 - said.scores), LEAST, 1.0 - LEAST)
    figures = ranking(said, truth)
    figures["log_loss"] = float(-np.log(right).mean())
    figures["brier"] = float(np.square(said.scores - positive).mean())
    table = _confusion(truth.classes, said.classes)
    found = _f1(table)
    return figures | _agreement(table) | ({"f1": found[1]} if 1 in found else {})


def multiclass(said: Said, truth: Truth) -> Figures:
    """Accuracy, mean F1 of the classes that occur or were said, Cohen's kappa; log loss where probabilities are."""
    table = _confusion(truth.classes, said.classes)
    figures, found = _agreement(table), _f1(table)
    if found:
        figures["macro_f1"] = sum(found.values()) / len(found)
    given = said.given[~np.isnan(said.given)]
    if len(given):
        figures["log_loss"] = float(-np.log(np.clip(given, LEAST, 1.0)).mean())
    return figures


def regression(said: Said, truth: Truth) -> Figures:
    """MAE, RMSE and R², the last where the truth varies."""
    if not len(said.scores):
        return {}
    apart = said.scores - truth.numbers
    squared = float(np.square(apart).mean())
    figures = {"mae": float(np.abs(apart).mean()), "rmse": float(np.sqrt(squared))}
    spread = float(np.square(truth.numbers - truth.numbers.mean()).mean())
    return figures | ({"r2": 1.0 - squared / spread} if spread > 0.0 else {})


def _thresholds(scores: Floats, positive: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> tuple[Ints, Ints]:
    """Positives and negatives at each different score, the highest first."""
    order = np.argsort(-scores, kind="stable")
    scores, positive = scores[order], positive[order]
    begins = np.flatnonzero(np.append(True, scores[1:] != scores[:-1])) if len(scores) else np.empty(0, np.int64)
    positives = np.add.reduceat(positive.astype(np.int64), begins) if len(begins) else np.empty(0, np.int64)
    return positives, np.diff(np.append(begins, len(scores))) - positives


def _confusion(truth: Ints, said: Ints) -> Mapping[tuple[int, int], int]:
    """How often each class was the truth where each was said."""
    told = said != NONE
    width = int(said.max(initial=NONE)) + 1
    pairs, counts = np.unique(truth[told] * width + said[told], return_counts=True)
    return dict(zip((divmod(pair, width) for pair in pairs.tolist()), counts.tolist(), strict=True))


def _agreement(table: Mapping[tuple[int, int], int]) -> Figures:
    """Accuracy, and Cohen's kappa unless chance alone explains everything."""
    total = sum(table.values())
    if not total:
        return {}
    truths, said = _sums(table, 0), _sums(table, 1)
    agreed = sum(count for (true, answer), count in table.items() if true == answer)
    by_chance = sum(count * said.get(each, 0) for each, count in truths.items())
    figures = {"accuracy": agreed / total}
    if by_chance < total**2:
        figures["kappa"] = (agreed * total - by_chance) / (total**2 - by_chance)
    return figures


def _f1(table: Mapping[tuple[int, int], int]) -> dict[int, float]:
    """F1 of each class that occurs or was said."""
    truths, said = _sums(table, 0), _sums(table, 1)
    return {
        each: 2 * table.get((each, each), 0) / (truths.get(each, 0) + said.get(each, 0))
        for each in sorted({*truths, *said})
    }


def _sums(table: Mapping[tuple[int, int], int], side: int) -> dict[int, int]:
    sums: dict[int, int] = {}
    for pair, count in table.items():
        sums[pair[side]] = sums.get(pair[side], 0) + count
    return sums
