"""What is said of the labels."""

from datetime import datetime

import numpy as np

from infra.profile.categories import counted, top
from infra.profile.column import ABSENT
from infra.profile.label import CLASSES, Label
from infra.profile.model import Delays, Labels
from infra.profile.numbers import quantiles
from infra.profile.periods import Periods
from infra.profile.times import instant
from streams.monitor.buckets import Ints

Moment = tuple[datetime, int, int, float | None]


def described(told: Label, cut: Periods | None, delays_ms: Ints | None) -> Labels:
    """What is said of the labels. `delays_ms`: of each labelled row whose label has a time."""
    rows = told.rows
    counts = counted(told.codes, told.classes)
    plain = told.task in ("binary", "multiclass")
    return Labels(
        field=told.field,
        task=told.task,
        labelled=len(rows),
        unlabelled_share=1.0 - len(rows) / max(len(told.codes), 1),
        classes=top(counts, told.classes, CLASSES) if plain and len(rows) else (),
        positive=told.positive,
        rate=float(told.numbers[rows].mean()) if told.task != "multiclass" and len(rows) else None,
        delays=delays(delays_ms) if delays_ms is not None and len(delays_ms) else None,
        moments=_moments(told, cut) if cut is not None else (),
    )


def delays(delays_ms: Ints) -> Delays:
    """Of labels, how long after their events they were known."""
    return Delays(quantiles=quantiles(delays_ms / 1000), before_event=int((delays_ms < 0).sum()))


def _moments(told: Label, cut: Periods) -> tuple[Moment, ...]:
    known = (told.codes != ABSENT) & (cut.of >= 0)
    labelled = np.bincount(cut.of[known], minlength=cut.count)
    sums = np.bincount(cut.of[known], weights=told.numbers[known], minlength=cut.count)
    rated = told.task != "multiclass"
    return tuple(
        (instant(start), int(rows), int(many), float(total / many) if many and rated else None)
        for start, rows, many, total in zip(cut.starts_ms, cut.rows, labelled, sums, strict=True)
    )
