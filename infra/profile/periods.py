"""How the time of the events is cut into periods, the first of which are the reference."""

from dataclasses import dataclass

import numpy as np

from infra.profile import model
from infra.profile.column import Flags
from infra.profile.model import Unit
from streams.monitor.buckets import Ints

UNITS: dict[Unit, int] = {
    "minute": 60_000,
    "ten minutes": 600_000,
    "hour": 3_600_000,
    "six hours": 21_600_000,
    "day": 86_400_000,
    "week": 604_800_000,
    "four weeks": 2_419_200_000,
}
AT_LEAST = 500
"""Rows that a period needs to be compared, as the monitor's windows."""
_MOST = 60
_FEWEST = 4
_PARTS = 4
_WHOLE_DAYS = 3
_WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Periods:
    """`of` is the period of each row, -1 where its time is missing; `starts_ms` is when each period begins."""

    unit: Unit
    of: Ints
    starts_ms: Ints
    reference: int

    @property
    def count(self) -> int:
        return len(self.starts_ms)

    @property
    def rows(self) -> Ints:
        """Rows per period."""
        return np.bincount(self.of[self.of >= 0], minlength=self.count).astype(np.int64)

    def told(self) -> model.Periods:
        return model.Periods(unit=self.unit, count=self.count, reference=self.reference)


def periods(times_ms: Ints, present: Flags) -> Periods | None:
    """The finest cut that leaves enough rows in each period on average; None where there are too few for any.

    Hours are compared with hours only within three days: from then on a period is a day at least, and where there are
    two weeks of days the reference is a week at least.
    """
    held = times_ms[present]
    if len(held) < 2 * AT_LEAST or held.min() == held.max():
        return None
    first, span = int(held.min()), int(held.max() - held.min()) + 1
    unit, size, begin = _unit(first, span, len(held))
    of = np.where(present, (times_ms - begin) // size, -1)
    count = int(of.max()) + 1
    reference = max(1, -(-count // 4))
    if unit == "day" and count >= 2 * _WEEK:
        reference = max(_WEEK, reference)
    return Periods(unit=unit, of=of, starts_ms=begin + size * np.arange(count), reference=reference)


def _unit(first: int, span: int, rows: int) -> tuple[Unit, int, int]:
    """The unit, its length and where the first one begins; weeks begin on any day."""
    for unit, size in UNITS.items():
        begin = first - first % min(size, UNITS["day"])
        count = -(-(first + span - begin) // size)
        whole = size >= UNITS["day"] or span < _WHOLE_DAYS * UNITS["day"]
        if whole and _FEWEST <= count <= _MOST and rows >= AT_LEAST * count:
            return unit, size, begin
    return "part", -(-span // _PARTS), first
