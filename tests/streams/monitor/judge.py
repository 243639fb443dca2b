"""Figures of quality by their definitions, over all pairs or thresholds: slow, and hard to get wrong.

By hand, because River imports scikit-learn wherever it is installed: more than a second for every process of a test.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Values = Sequence[Any] | NDArray[Any]


def roc_auc_score(truth: Numbers, score: Numbers) -> float:
    """The share of pairs of a positive and a negative in which the positive has the higher score; equal ones half."""
    positive, negative = score[truth == 1][:, None], score[truth == 0][None, :]
    return float((positive > negative).mean() + (positive == negative).mean() / 2)


def average_precision_score(truth: Numbers, score: Numbers) -> float:
    """Precision at each threshold, weighted by how much recall rises there."""
    total, recall, area = truth.sum(), 0.0, 0.0
    for threshold in np.unique(score)[::-1]:
        taken = score >= threshold
        hits = truth[taken].sum()
        area += (hits / total - recall) * hits / taken.sum()
        recall = hits / total
    return float(area)


def log_loss(truth: Numbers, score: Numbers) -> float:
    """The mean of -log of what the truth was given."""
    losses = [-math.log(p if t else 1 - p) for t, p in zip(truth.tolist(), score.tolist(), strict=True)]
    return math.fsum(losses) / len(losses)


def mean_squared_error(truth: Numbers, score: Numbers) -> float:
    """Of probabilities: the Brier score."""
    return float(((truth - score) ** 2).mean())


def mean_absolute_error(truth: Numbers, score: Numbers) -> float:
    return float(np.abs(truth - score).mean())


def r2_score(truth: Numbers, score: Numbers) -> float:
    """One less the squared error over that of the mean."""
    return 1.0 - mean_squared_error(truth, score) / float(truth.var())


def accuracy_score(truth: Values, said: Values) -> float:
    return sum(bool(t == s) for t, s in zip(truth, said, strict=True)) / len(truth)


def cohen_kappa_score(truth: Values, said: Values) -> float:
    """How much of the agreement that chance does not give is reached."""
    n, left, right = len(truth), Counter(truth), Counter(said)
    chance = sum(left[each] * right[each] for each in left) / n**2
    return (accuracy_score(truth, said) - chance) / (1 - chance)
