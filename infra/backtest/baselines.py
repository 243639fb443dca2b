"""What is said of events without looking at them, from nothing but the labels that were known by then."""

import numpy as np

from infra.backtest.answers import Ints, Said, floats, ints
from infra.backtest.trace import NAN, NONE, Trace
from streams.labels import Task

HALF = 0.5


def no_change(trace: Trace, task: Task) -> Said:
    """Every event turns out as the label that came last: of its partition, before it was scored.

    Before any label is known: a half, or 0 for values, and no class, nor any share for one.
    """
    known = ints(trace.known)
    classes = np.append(NONE, ints(trace.truths))[known]
    given = np.where(known > 0, np.where(_truth_of(trace) == classes, 1.0, 0.0), NAN)
    numbers = np.append(HALF if task == "binary" else 0.0, floats(trace.targets))[known]
    if task == "regression":
        return Said(numbers, np.full(len(known), NONE, np.int64), given)
    return Said(np.ones(len(known)) if task == "multiclass" else numbers, classes, given)


def prior(trace: Trace, task: Task) -> Said:
    """Every event turns out as events do on average: of its partition, as far as labels were known when it was scored.

    Shares follow Laplace's rule of succession, (k + 1) / (n + 2): with m classes known, and one that may yet come,
    (k + 1) / (n + m + 1), and nothing before any is known. Of values it is the mean, and 0 before any is known.
    """
    if task == "multiclass":
        return _prior_of_classes(trace)
    known = ints(trace.known)
    sums = np.append(0.0, np.cumsum(floats(trace.targets)))[known]
    nothing = np.full(len(known), NAN)
    if task == "regression":
        return Said(sums / np.maximum(known, 1), np.full(len(known), NONE, np.int64), nothing)
    shares = (sums + 1.0) / (known + 2.0)
    return Said(shares, np.where(known > 0, (shares > HALF).astype(np.int64), NONE), nothing)


def _prior_of_classes(trace: Trace) -> Said:
    known, truths = ints(trace.known), ints(trace.truths)
    likeliest, seen = _likeliest(truths)
    mine, before = _truth_of(trace), np.zeros(len(known))
    for each in np.unique(truths):
        places, rows = np.flatnonzero(truths == each), mine == each
        before[rows] = np.searchsorted(places, known[rows])  # how many labels of this class were known
    shares = (before + 1.0) / (known + seen[known] + 1.0)
    return Said(np.ones(len(known)), likeliest[known], np.where((mine == NONE) | (known == 0), NAN, shares))


def _likeliest(truths: Ints) -> tuple[Ints, Ints]:
    """After none, one, two … labels: the most frequent class, the one that came to it first, and how many there are."""
    counts: dict[int, int] = {}
    best, likeliest, seen = NONE, [NONE], [0]
    for each in truths.tolist():
        counts[each] = counts.get(each, 0) + 1
        if best == NONE or counts[each] > counts[best]:
            best = each
        likeliest.append(best)
        seen.append(len(counts))
    return ints(likeliest), ints(seen)


def _truth_of(trace: Trace) -> Ints:
    """The class of each event, `NONE` where it is not known yet."""
    column = np.full(len(trace.ids), NONE, np.int64)
    column[ints(trace.events)] = ints(trace.truths)
    return column
