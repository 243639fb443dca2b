"""How a field alone tells the label."""

from typing import NamedTuple

import numpy as np
from scipy.stats import entropy, rankdata, spearmanr
from scipy.stats.contingency import association

from infra.backtest.answers import Said, Truth
from infra.backtest.figures import ranking
from infra.profile.categories import SHOWN, counted, folded
from infra.profile.column import Column, Flags
from infra.profile.label import Label
from infra.profile.model import Rate, Relation
from streams.monitor.buckets import Buckets, Ints
from streams.monitor.column import LARGEST, Floats, usable
from streams.monitor.reference import Baseline

BINS = 10
_PRIOR_WEIGHT = 10.0


class Binned(NamedTuple):
    """The bin of each row (`ABSENT`: none), and what the bins are called."""

    codes: Ints
    names: list[str]


def relation(column: Column, label: Label) -> Relation | None:
    """Of the labelled rows that have the field; None where these are none, or have one label."""
    rows = label.rows[column.present[label.rows]]
    if column.numbers is not None and column.kind != "text":
        rows = rows[np.abs(column.numbers[rows]) <= LARGEST]
    if len(np.unique(label.codes[rows])) < 2:
        return Relation(labelled=len(rows), presence_auc=_presence_auc(column, label)) if len(rows) else None
    binned = _binned(column, rows)
    table = _table(binned, label.codes[rows], len(label.classes))
    information = _information(table)
    binary = label.task == "binary"
    named = column.kind == "identifier"
    return Relation(
        labelled=len(rows),
        auc=_auc(column, label, rows) if binary else None,
        presence_auc=_presence_auc(column, label),
        means=_means(column, label, rows) if label.task != "regression" else {},
        rates=_rates(binned, label.numbers[rows]) if label.task != "multiclass" and not named else (),
        information=information if not named else None,
        told=information / float(entropy(table.sum(axis=0), base=2)) if not named else None,
        cramers_v=_cramers_v(table) if column.numbers is None and not named and label.task != "regression" else None,
        spearman=_spearman(column, label, rows) if label.task == "regression" else None,
    )


def auc(values: Floats, positive: Flags) -> float | None:
    """Chance that a positive has the larger value than a negative, ties half; None without one of either."""
    nothing = np.empty(0, dtype=np.int64)
    truth = Truth(positive.astype(np.float64), nothing, nothing)
    return ranking(Said(values, nothing, values), truth).get("roc_auc")


def cross_auc(codes: Ints, positive: Flags, values: int) -> float | None:
    """AUC of categories: the rate of each in the even rows ranks the odd ones and the other way round; their mean.

    So that no row is ranked by its own label, as the mean encoding of a rare category would. Rates are drawn to that of
    all rows by the weight of ten (Micci-Barreca, 2001).
    """
    even = np.arange(len(codes)) % 2 == 0
    found = [_ranked(codes, positive, values, half) for half in (even, ~even)]
    told = [each for each in found if each is not None]
    return sum(told) / len(told) if told else None


def _ranked(codes: Ints, positive: Flags, values: int, known: Flags) -> float | None:
    if not known.any():
        return None
    prior = float(positive[known].mean())
    many = np.bincount(codes[known], minlength=values)
    true = np.bincount(codes[known & positive], minlength=values)
    rates = (true + _PRIOR_WEIGHT * prior) / (many + _PRIOR_WEIGHT)
    return auc(rates[codes[~known]], positive[~known])


def _auc(column: Column, label: Label, rows: Ints) -> float | None:
    positive = label.numbers[rows] > 0.0
    if column.kind == "identifier" and column.codes is not None:
        return auc(column.codes[rows].astype(np.float64), positive)
    if column.numbers is not None:
        return auc(column.numbers[rows], positive)
    assert column.codes is not None
    if column.kind == "truth value":
        return auc(column.codes[rows].astype(np.float64), positive)
    return cross_auc(column.codes[rows], positive, len(column.values))


def _presence_auc(column: Column, label: Label) -> float | None:
    """Of labelled rows, where some lack the field and some have it."""
    present = column.present[label.rows]
    if label.task != "binary" or present.all() or not present.any():
        return None
    return auc(present.astype(np.float64), label.numbers[label.rows] > 0.0)


def _binned(column: Column, rows: Ints) -> Binned:
    """Numbers in bins of equal count, the most frequent categories and the rest."""
    if column.numbers is not None:
        kept, _ = usable(column.numbers[rows])
        buckets = Buckets()
        buckets.add(kept)
        baseline = Baseline(buckets.edges(BINS), np.zeros((1, 1), dtype=np.int64), rolling=False)
        codes = np.searchsorted(baseline.inner, column.numbers[rows], side="right")
        return Binned(codes, [baseline.named(place) for place in range(len(baseline.inner) + 1)])
    assert column.codes is not None
    codes, kept_values = folded(column.codes[rows], counted(column.codes[rows], column.values))
    return Binned(codes, [*(column.values[value] for value in kept_values), "any other"])


def _table(binned: Binned, classes: Ints, many: int) -> Ints:
    """Rows per bin and class, without those that are empty."""
    counts = np.bincount(binned.codes * many + classes, minlength=len(binned.names) * many)
    table = counts.reshape(len(binned.names), many).astype(np.int64)
    return np.asarray(table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0])


def _information(table: Ints) -> float:
    """Mutual information, bits."""
    apart = entropy(table.sum(axis=1), base=2) + entropy(table.sum(axis=0), base=2)
    return max(0.0, float(apart - entropy(table.ravel(), base=2)))


def _cramers_v(table: Ints) -> float | None:
    return float(association(table, method="cramer")) if min(table.shape) > 1 else None


def _means(column: Column, label: Label, rows: Ints) -> dict[str, float]:
    if column.numbers is None:
        return {}
    codes, values = label.codes[rows], column.numbers[rows]
    return {label.classes[code]: float(values[codes == code].mean()) for code in np.unique(codes)}


def _rates(binned: Binned, truths: Floats) -> tuple[Rate, ...]:
    """Of each bin, or of the most frequent categories."""
    many = np.bincount(binned.codes, minlength=len(binned.names))
    sums = np.bincount(binned.codes, weights=truths, minlength=len(binned.names))
    told = [
        Rate(value=name, labelled=int(count), rate=float(total / count))
        for name, count, total in zip(binned.names, many, sums, strict=True)
        if count
    ]
    return tuple(told[: max(SHOWN, BINS * 3)])


def _spearman(column: Column, label: Label, rows: Ints) -> float | None:
    values = column.numbers if column.numbers is not None else None
    if values is None or np.ptp(values[rows]) == 0.0:
        return None
    return float(spearmanr(rankdata(values[rows]), rankdata(label.numbers[rows])).statistic)
