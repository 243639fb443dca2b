"""How a field changes from the first periods to the later ones."""

from typing import NamedTuple

import numpy as np
from scipy.stats import chi2_contingency, ks_2samp

from infra.profile.categories import counted, folded
from infra.profile.column import ABSENT, Column
from infra.profile.model import Drift
from infra.profile.moments import moments, share, split
from infra.profile.periods import AT_LEAST, Periods
from infra.profile.times import instant
from streams.monitor.buckets import Buckets, Ints
from streams.monitor.column import usable
from streams.monitor.reference import Baseline
from streams.monitor.stability import distance

BINS = 10
LITTLE, MUCH = 0.1, 0.25
"""Siddiqi's thresholds of the population stability index."""


class _Binned(NamedTuple):
    """Rows per period and bin, the last of which is missing values; what the bins are called."""

    counts: Ints
    names: list[str]


def drift(column: Column, cut: Periods) -> Drift | None:
    """None for what is never there or never comes twice, and where no later period has enough rows."""
    if column.kind in ("identifier", "empty"):
        return None
    binned = _numbers(column, cut) if column.numbers is not None else _categories(column, cut)
    reference = binned.counts[: cut.reference].sum(axis=0)
    rows = binned.counts.sum(axis=1)
    compared = [place for place in range(cut.reference, cut.count) if rows[place] >= AT_LEAST]
    if not compared or reference.sum() < AT_LEAST:
        return None
    found = {place: distance(binned.counts[place], reference) for place in compared}
    worst = max(compared, key=lambda place: found[place].value)
    crossed = next((place for place in compared if found[place].value >= LITTLE), None)
    fresh = _fresh(column, cut)
    ks, ks_p = _ks(column, cut)
    return Drift(
        stability=found[worst].value,
        worst=instant(cut.starts_ms[worst]),
        bin=binned.names[found[worst].worst],
        share=float(binned.counts[worst][found[worst].worst] / rows[worst]),
        reference_share=float(reference[found[worst].worst] / reference.sum()),
        crossed=instant(cut.starts_ms[crossed]) if crossed is not None else None,
        new_share=share(fresh[cut.reference :].sum(), rows[cut.reference :].sum()) if fresh is not None else None,
        new_by_chance=_by_chance(column, cut) if fresh is not None else None,
        ks=ks,
        ks_p=ks_p,
        chi2_p=_chi2_p(binned.counts, cut) if column.numbers is None else None,
        moments=moments(column, cut, found, fresh),
    )


def _numbers(column: Column, cut: Periods) -> _Binned:
    """In quantile bins of the reference, as the monitor has them."""
    assert column.numbers is not None
    inside = cut.of < cut.reference
    kept, _ = usable(column.numbers[inside & (cut.of >= 0)])
    buckets = Buckets()
    buckets.add(kept)
    baseline = Baseline(buckets.edges(BINS), np.zeros((1, 1), dtype=np.int64), rolling=False)
    counts = np.zeros((cut.count, len(baseline.nothing())), dtype=np.int64)
    for place, values in enumerate(split(column.numbers, cut)):
        held, missing = usable(values)
        counts[place] = baseline.histogram(held, missing)
    return _Binned(counts, [baseline.named(place) for place in range(counts.shape[1])])


def _categories(column: Column, cut: Periods) -> _Binned:
    """The most frequent values, all others, and missing ones.

    The most frequent ones of all rows: those of the reference alone are partly so by luck, and fewer later.
    """
    assert column.codes is not None
    codes, kept = folded(column.codes, counted(column.codes[cut.of >= 0], column.values))
    names = [*(column.values[value] for value in kept), "any other", "missing"]
    placed = np.where(codes == ABSENT, len(names) - 1, codes)
    held = cut.of >= 0
    counts = np.bincount(cut.of[held] * len(names) + placed[held], minlength=cut.count * len(names))
    return _Binned(counts.reshape(cut.count, len(names)).astype(np.int64), names)


def _fresh(column: Column, cut: Periods) -> Ints | None:
    """Rows per period whose value the reference never had."""
    if column.codes is None or column.numbers is not None:
        return None
    inside = (cut.of >= 0) & (cut.of < cut.reference)
    known = counted(column.codes[inside], column.values) > 0
    fresh = (cut.of >= 0) & (column.codes != ABSENT) & ~known[column.codes]
    return np.bincount(cut.of[fresh], minlength=cut.count).astype(np.int64)


def _by_chance(column: Column, cut: Periods) -> float:
    """The share of rows to come whose value the reference has missed, by Good and Turing: that of the values it has met
    once (Good, 1953), and three deviations of this."""
    assert column.codes is not None
    counts = counted(column.codes[(cut.of >= 0) & (cut.of < cut.reference)], column.values)
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    return float((once + 3.0 * np.sqrt(once + 2 * twice)) / max(int(counts.sum()), 1))


def _ks(column: Column, cut: Periods) -> tuple[float | None, float | None]:
    """Distance and chance of all later numbers against those of the reference."""
    if column.numbers is None:
        return None, None
    before, _ = usable(column.numbers[(cut.of >= 0) & (cut.of < cut.reference)])
    after, _ = usable(column.numbers[cut.of >= cut.reference])
    if not len(before) or not len(after):
        return None, None
    with np.errstate(divide="ignore"):  # of its formula for the tail, where the distance is 1
        found = ks_2samp(before, after, method="asymp")
    return float(found.statistic), float(found.pvalue)


def _chi2_p(counts: Ints, cut: Periods) -> float | None:
    table = np.stack([counts[: cut.reference].sum(axis=0), counts[cut.reference :].sum(axis=0)])
    table = table[:, table.sum(axis=0) > 0]
    if min(table.shape) < 2 or not table.sum(axis=1).all():
        return None
    return float(chi2_contingency(table).pvalue)
