"""Figures of quality by their definitions, over all pairs or thresholds: slow, and hard to get wrong.

A figure whose definition divides by nothing is absent. A class of `None`: none was said.
"""

import math
from collections.abc import Sequence

Figures = dict[str, float]
EPSILON = 2.0**-52


def ranking(scores: Sequence[float], truths: Sequence[bool]) -> Figures:
    """ROC AUC: the share of pairs that stand in the right order, equal ones half. Average precision: see the sum."""
    positive = [s for s, t in zip(scores, truths, strict=True) if t]
    negative = [s for s, t in zip(scores, truths, strict=True) if not t]
    figures = {}
    if positive and negative:
        right = sum((p > n) + (p == n) / 2 for p in positive for n in negative)
        figures["roc_auc"] = right / (len(positive) * len(negative))
    if positive:
        area, recall = 0.0, 0.0
        for threshold in sorted(set(scores), reverse=True):
            hits = sum(p >= threshold for p in positive)
            area += (hits / len(positive) - recall) * hits / sum(s >= threshold for s in scores)
            recall = hits / len(positive)
        figures["average_precision"] = area
    return figures


def binary(scores: Sequence[float], said: Sequence[bool | None], truths: Sequence[bool]) -> Figures:
    if not truths:
        return {}
    losses = [-math.log(_inside(s if t else 1 - s)) for s, t in zip(scores, truths, strict=True)]
    figures = ranking(scores, truths) | classes(said, truths)
    figures.pop("macro_f1", None)
    pairs = [(s, t) for s, t in zip(said, truths, strict=True) if s is not None]
    hits, either = sum(s and t for s, t in pairs), sum(s or t for s, t in pairs)
    if either:
        figures["f1"] = 2 * hits / (hits + either)
    figures["log_loss"] = math.fsum(losses) / len(losses)
    figures["brier"] = math.fsum((s - t) ** 2 for s, t in zip(scores, truths, strict=True)) / len(truths)
    return figures


def classes(said: Sequence[object], truths: Sequence[object]) -> Figures:
    """Accuracy; kappa: the agreement that chance does not give, as a share; F1 of each class that occurs, averaged."""
    pairs = [(s, t) for s, t in zip(said, truths, strict=True) if s is not None]
    if not pairs:
        return {}
    n = len(pairs)
    agreed = sum(s == t for s, t in pairs) / n
    names = {name for pair in pairs for name in pair}
    by_chance = sum(sum(s == name for s, _ in pairs) * sum(t == name for _, t in pairs) for name in names)
    figures = {"accuracy": agreed}
    if by_chance < n * n:
        figures["kappa"] = (agreed - by_chance / n**2) / (1 - by_chance / n**2)
    f1 = []
    for name in names:
        found = sum(s == t == name for s, t in pairs)
        f1.append(2 * found / sum((s == name) + (t == name) for s, t in pairs))
    figures["macro_f1"] = math.fsum(f1) / len(f1)
    return figures


def log_loss(given: Sequence[float]) -> float:
    """The mean of -log of the probability that the truth was given."""
    return math.fsum(-math.log(max(each, EPSILON)) for each in given) / len(given)


def regression(scores: Sequence[float], truths: Sequence[float]) -> Figures:
    if not truths:
        return {}
    n, mean = len(truths), math.fsum(truths) / len(truths)
    squared = math.fsum((s - t) ** 2 for s, t in zip(scores, truths, strict=True))
    spread = math.fsum((t - mean) ** 2 for t in truths)
    figures = {
        "mae": math.fsum(abs(s - t) for s, t in zip(scores, truths, strict=True)) / n,
        "rmse": math.sqrt(squared / n),
    }
    return figures | ({"r2": 1 - squared / spread} if spread > 0 else {})


def _inside(share: float) -> float:
    return min(max(share, EPSILON), 1 - EPSILON)
