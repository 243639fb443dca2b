"""Times and ages as a person reads them."""

from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def instant(time_ms: int) -> str:
    """A time in UTC, to the millisecond.

    >>> instant(1_740_000_000_000)
    '2025-02-19 21:20:00.000 UTC'
    """
    try:
        at = datetime.fromtimestamp(time_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{time_ms} ms after 1970"
    return f"{at:%Y-%m-%d %H:%M:%S}.{time_ms % 1000:03d} UTC"


def age(age_s: float | None) -> str:
    """How long ago, to the larger unit.

    >>> age(7_300), age(12.3), age(None)
    ('2 h', '12 s', '?')
    """
    if age_s is None:
        return "?"
    size, unit = next(((size, unit) for size, unit in _UNITS if age_s >= 2 * size), _UNITS[-1])
    return f"{int(age_s // size)} {unit}"
