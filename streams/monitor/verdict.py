"""One outcome as numbers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from streams.monitor.column import LARGEST

NONE = float("nan")


class Verdict(NamedTuple):
    """How one score turned out.

    `target` is the truth as a number; where the task is multiclass, the probability that was given to the true class.
    `hit`: 1 for the right class, 0 for a wrong one, NaN where none was said. `pair`: `true|predicted`, multiclass only,
    with `|` in a class written as `%7C` and `%` as `%25`.
    """

    time_ms: int
    score: float
    target: float
    hit: float
    label_ms: int
    pair: str | None


def verdict(row: Mapping[str, Any], *, classes: bool) -> Verdict | None:
    """What an outcome's fields say; none where score or target are absent or no usable number."""
    score, predicted, label = row["score"], row["predicted"], row["label"]
    hit = NONE if predicted is None else float(predicted == label)
    if classes:
        given = row["probabilities"]
        target = given.get(label, 0.0) if given else NONE
        return Verdict(row["event_time_ms"], score, target, hit, row["label_time_ms"], _pair(label, predicted))
    target = row["target"]
    if target is None or not abs(score) <= LARGEST or not abs(target) <= LARGEST:
        return None
    return Verdict(row["event_time_ms"], score, target, hit, row["label_time_ms"], None)


def _pair(label: str, predicted: str | None) -> str | None:
    if predicted is None:
        return None
    return "|".join(name.replace("%", "%25").replace("|", "%7C") for name in (label, predicted))
