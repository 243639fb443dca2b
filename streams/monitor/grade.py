"""How a batch of scores turned out, as sums that can be added."""

from typing import NamedTuple

import numpy as np

from streams.monitor.buckets import Ints
from streams.monitor.column import Floats

LEAST = float(np.finfo(np.float64).eps)
"""Probabilities are cut off this far from 0 and 1 before their logarithm is taken, as scikit-learn does."""


class Graded(NamedTuple):
    """Per outcome: named contributions to sums, its error (NaN for none), its score bin where the task has them."""

    sums: dict[str, Floats]
    errors: Floats
    bins: Ints | None


def binary(scores: Floats, targets: Floats, hits: Floats, inner: Floats) -> Graded:
    """Grade probabilities of the positive class. `targets`: 1 or 0; `hits`: 1 right class, 0 wrong, NaN none said.

    Bins: those of the negatives, then those of the positives.
    """
    probabilities = np.clip(scores, LEAST, 1.0 - LEAST)
    positive, right, wrong = targets > 0.5, hits == 1.0, hits == 0.0
    apart = scores - targets
    sums = {
        "log_loss_sum": -np.log(np.where(positive, probabilities, 1.0 - probabilities)),
        "brier_sum": apart * apart,
        "correct": right * 1.0,
        "unpredicted": np.isnan(hits) * 1.0,
        "true_positive": (positive & right) * 1.0,
        "false_negative": (positive & wrong) * 1.0,
        "true_negative": (~positive & right) * 1.0,
        "false_positive": (~positive & wrong) * 1.0,
    }
    bins = np.searchsorted(inner, scores, side="right") + positive * (len(inner) + 1)
    return Graded(sums, np.abs(apart), bins)


def multiclass(scores: Floats, targets: Floats, hits: Floats, inner: Floats) -> Graded:  # noqa: ARG001 (one signature)
    """Grade classes. `targets` hold the probability given to the true class, NaN where none was given."""
    given = np.isfinite(targets)
    probabilities = np.clip(np.where(given, targets, 1.0), LEAST, 1.0)
    sums = {
        "log_loss_sum": -np.log(probabilities),
        "log_loss_count": given * 1.0,
        "correct": (hits == 1.0) * 1.0,
        "unpredicted": np.isnan(hits) * 1.0,
    }
    return Graded(sums, 1.0 - hits, None)


def regression(scores: Floats, targets: Floats, hits: Floats, inner: Floats) -> Graded:  # noqa: ARG001 (one signature)
    """Grade predicted numbers."""
    apart = scores - targets
    sums = {
        "abs_error_sum": np.abs(apart),
        "squared_error_sum": apart * apart,
        "target_sum": targets,
        "target_square_sum": targets * targets,
    }
    return Graded(sums, np.abs(apart), None)


GRADES = {"binary": binary, "multiclass": multiclass, "regression": regression}
