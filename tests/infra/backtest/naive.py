"""Figures of quality by their definitions; those that would divide by nothing are absent. No class said: `None`."""

import math
from collections.abc import Sequence

import numpy as np

from tests.streams.monitor import judge

Figures = dict[str, float]
EPSILON = 2.0**-52


def ranking(scores: Sequence[float], truths: Sequence[bool]) -> Figures:
    score, truth = np.array(scores), np.array(truths, dtype=float)
    figures = {}
    if any(truths) and not all(truths):
        figures["roc_auc"] = judge.roc_auc_score(truth, score)
    if any(truths):
        figures["average_precision"] = judge.average_precision_score(truth, score)
    return figures


def binary(scores: Sequence[float], said: Sequence[bool | None], truths: Sequence[bool]) -> Figures:
    """With the F1 of the positive class; probabilities are kept off 0 and 1 before their logarithm is taken."""
    if not truths:
        return {}
    score, truth = np.array(scores), np.array(truths, dtype=float)
    figures = ranking(scores, truths) | classes(said, truths)
    figures.pop("macro_f1", None)
    found = f1(said, truths)
    if True in found:
        figures["f1"] = found[True]
    figures["log_loss"] = judge.log_loss(truth, np.clip(score, EPSILON, 1 - EPSILON))
    figures["brier"] = judge.mean_squared_error(truth, score)
    return figures


def classes(said: Sequence[object], truths: Sequence[object]) -> Figures:
    """Over those of which a class was said; kappa is undefined where all is of one class and said to be."""
    pairs = [(t, s) for t, s in zip(truths, said, strict=True) if s is not None]
    if not pairs:
        return {}
    truth, answers = zip(*pairs, strict=True)
    found = f1(said, truths)
    figures = {"accuracy": judge.accuracy_score(truth, answers), "macro_f1": math.fsum(found.values()) / len(found)}
    if len({*truth, *answers}) > 1:
        figures["kappa"] = judge.cohen_kappa_score(truth, answers)
    return figures


def f1(said: Sequence[object], truths: Sequence[object]) -> dict[object, float]:
    """Of each class that occurs or was said: twice what was found, over how often it was true and how often said."""
    pairs = [(t, s) for t, s in zip(truths, said, strict=True) if s is not None]
    return {
        name: 2 * sum(t == s == name for t, s in pairs) / sum((t == name) + (s == name) for t, s in pairs)
        for name in {each for pair in pairs for each in pair}
    }


def log_loss(given: Sequence[float]) -> float:
    """The mean of -log of the probability that the truth was given."""
    return math.fsum(-math.log(max(each, EPSILON)) for each in given) / len(given)


def regression(scores: Sequence[float], truths: Sequence[float]) -> Figures:
    if not truths:
        return {}
    score, truth = np.array(scores), np.array(truths)
    mae, mse = judge.mean_absolute_error(truth, score), judge.mean_squared_error(truth, score)
    r2 = {"r2": judge.r2_score(truth, score)} if len(set(truths)) > 1 else {}
    return {"mae": mae, "rmse": math.sqrt(mse), **r2}
