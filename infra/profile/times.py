"""What is said of when events happened: gaps, order, and how many came."""

from datetime import UTC, datetime, timedelta

import numpy as np

from infra.profile.model import Times, Unit
from infra.profile.periods import UNITS
from streams.monitor.buckets import Ints

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_MS = 3_600_000
_MOST = 150


def instant(time_ms: float) -> datetime:
    """A time in UTC; the ends of the calendar stand for what lies beyond them."""
    try:
        return _EPOCH + timedelta(milliseconds=int(time_ms))
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC) if time_ms > 0 else datetime.min.replace(tzinfo=UTC)


def times(times_ms: Ints, partitions: Ints | None) -> Times:
    """Of the times of all rows that have one, in the order of the rows. `partitions`: that of each row."""
    ordered = np.sort(times_ms)
    gaps = np.diff(ordered, append=ordered[-1])
    longest = int(gaps.argmax())
    behind = _behind(times_ms, partitions)
    span_ms = int(ordered[-1] - ordered[0])
    unit, counts = _counted(ordered, span_ms)
    return Times(
        first=instant(ordered[0]),
        last=instant(ordered[-1]),
        gap_s=int(gaps[longest]) / 1000,
        gap_after=instant(ordered[longest]),
        out_of_order=int((behind > 0).sum()),
        out_of_order_share=float((behind > 0).mean()),
        late_s=int(behind.max()) / 1000,
        per_hour=len(ordered) * _HOUR_MS / max(span_ms, 1),
        unit=unit,
        counts=counts,
        empty=sum(not count for _, count in counts),
        hours=_per(ordered // _HOUR_MS % 24, 24),
        weekdays=_per((ordered // (24 * _HOUR_MS) + _EPOCH.weekday()) % 7, 7),
    )


def _behind(times_ms: Ints, partitions: Ints | None) -> Ints:
    """How much older each row is than the newest before it in its partition, 0 where it is the newest, ms."""
    if partitions is None:
        return np.maximum.accumulate(times_ms) - times_ms
    behind = np.zeros(len(times_ms), dtype=np.int64)
    for number in np.unique(partitions):
        rows = partitions == number
        behind[rows] = np.maximum.accumulate(times_ms[rows]) - times_ms[rows]
    return behind


def _per(places: Ints, many: int) -> tuple[int, ...]:
    return tuple(np.bincount(places, minlength=many).tolist())


def _counted(ordered: Ints, span_ms: int) -> tuple[Unit, tuple[tuple[datetime, int], ...]]:
    """Rows per unit of time, the finest that has not too many."""
    unit, size = next(
        ((unit, size) for unit, size in UNITS.items() if span_ms < _MOST * size),
        ("part", -(-span_ms // _MOST) + 1),
    )
    begin = int(ordered[0]) // size * size
    counts = np.bincount((ordered - begin) // size)
    return unit, tuple((instant(begin + size * place), int(count)) for place, count in enumerate(counts))
