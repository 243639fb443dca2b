"""Event time as the folds see it: whole milliseconds since the epoch, UTC."""

from datetime import UTC, datetime, timedelta

from schemas.reject import Reason, Reject

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_DAY_MS, _SECOND_MS, _MILLISECOND_US = 86_400_000, 1_000, 1_000
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


def instant_ms(time: datetime | int) -> int:
    """Milliseconds since the epoch; what is finer than a millisecond is cut off.

    Raises `Reject` for a `datetime` without an offset, as which instant it means cannot be known, for a time before
    1970, as where a state begins, and for a number behind the year 9999.

    >>> instant_ms(datetime(1970, 1, 1, 0, 0, 1, 1999, tzinfo=UTC))
    1001
    """
    if isinstance(time, int):
        if not 0 <= time <= _LAST_MS:
            told = f"the time {time} is in no year from 1970 to 9999: write milliseconds since 1970"
            raise Reject(Reason.INVALID, told)
        return time
    if time.tzinfo is None:
        raise Reject(Reason.INVALID, f"the time {time.isoformat()} has no offset from UTC: write it as …Z")
    apart = time - _EPOCH
    if apart.days < 0:
        raise Reject(Reason.INVALID, f"the time {time.isoformat()} is before 1970")
    return apart.days * _DAY_MS + apart.seconds * _SECOND_MS + apart.microseconds // _MILLISECOND_US
