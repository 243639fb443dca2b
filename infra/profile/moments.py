"""A field period by period."""

from itertools import pairwise

import numpy as np

from infra.profile.categories import counted
from infra.profile.column import ABSENT, Column
from infra.profile.model import Moment
from infra.profile.periods import Periods
from infra.profile.times import instant
from streams.monitor.buckets import Ints
from streams.monitor.column import QUANTILES, Floats, usable
from streams.monitor.stability import Distance

_DRAWN = 5


def moments(column: Column, cut: Periods, found: dict[int, Distance], fresh: Ints | None) -> tuple[Moment, ...]:
    """What is said of each period. `found`: its distance from the reference; `fresh`: its rows of new values."""
    present = np.bincount(cut.of[column.present & (cut.of >= 0)], minlength=cut.count)
    drawn = _quantiles(column.numbers, cut) if column.numbers is not None else _shares(column, cut)
    rows = cut.rows
    return tuple(
        Moment(
            start=instant(cut.starts_ms[place]),
            rows=int(rows[place]),
            missing_share=1.0 - share(present[place], rows[place]) if rows[place] else 0.0,
            stability=found[place].value if place in found else None,
            new_share=share(fresh[place], rows[place]) if fresh is not None else None,
            quantiles=drawn[place] if column.numbers is not None else {},
            shares=drawn[place] if column.numbers is None else {},
        )
        for place in range(cut.count)
    )


def _quantiles(numbers: Floats, cut: Periods) -> list[dict[str, float]]:
    kept = [usable(values)[0] for values in split(numbers, cut)]
    told = list(QUANTILES.values())
    return [dict(zip(QUANTILES, np.quantile(v, told).tolist(), strict=True)) if len(v) else {} for v in kept]


def _shares(column: Column, cut: Periods) -> list[dict[str, float]]:
    """Of the most frequent values among the rows that have one; of truth values that of true."""
    assert column.codes is not None
    counts = counted(column.codes, column.values)
    kept = [1] if column.kind == "truth value" else np.argsort(-counts, kind="stable")[:_DRAWN].tolist()
    held = (cut.of >= 0) & (column.codes != ABSENT)
    rows = np.bincount(cut.of[held], minlength=cut.count)
    per_value = {v: np.bincount(cut.of[held & (column.codes == v)], minlength=cut.count) for v in kept}
    return [
        {column.values[value]: share(many[place], rows[place]) for value, many in per_value.items()}
        if rows[place]
        else {}
        for place in range(cut.count)
    ]


def share(part: float, whole: float) -> float:
    """One of the other, 0 of nothing."""
    return float(part / whole) if whole else 0.0


def split(values: Floats, cut: Periods) -> list[Floats]:
    """The values of each period."""
    order = np.argsort(cut.of, kind="stable")
    bounds = np.searchsorted(cut.of[order], np.arange(cut.count + 1))
    return [values[order[low:high]] for low, high in pairwise(bounds)]
