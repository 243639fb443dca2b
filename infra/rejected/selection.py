"""Which rejected records are meant: all, those of some reasons, those at some places, those since a time."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from infra.rejected.record import Rejected
from schemas.problem import Problem

_PLACE = re.compile(r"(\d{1,9}):(\d{1,18})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Records that meet everything that is given. `at` are partitions and offsets in `rejected`."""

    reasons: frozenset[str] = frozenset()
    at: frozenset[tuple[int, int]] = frozenset()
    since_offset: int = 0
    since_ms: int | None = None

    def takes(self, rejected: Rejected) -> bool:
        if self.at and rejected.place not in self.at:
            return False
        if self.reasons and rejected.reason not in self.reasons:
            return False
        return self.since_ms is None or rejected.timestamp_ms >= self.since_ms

    def starts(self, ends: dict[int, int]) -> dict[int, int]:
        """Per partition that has to be read, the offset to begin at; `ends` are those of all partitions."""
        starts = dict.fromkeys(ends, self.since_offset)
        if self.at:
            wanted = {partition for partition, _ in self.at}
            starts = {p: min(o for q, o in self.at if q == p) for p in ends if p in wanted}
        return {p: start for p, start in starts.items() if start < ends[p]}


def since(text: str) -> Selection:
    """What `--since` means: an offset in each partition of `rejected`, or a time.

    Raises `Problem` where it is neither.

    >>> since("1200").since_offset
    1200
    >>> since("1970-01-01T00:00:01Z").since_ms
    1000
    """
    if text.isdecimal():
        return Selection(since_offset=int(text))
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Problem(
            f"--since {text!r} is neither an offset nor a time: write 1200, 2025-03-02 or 2025-03-02T10:00Z"
        ) from None
    return Selection(since_ms=round((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000))


def place(text: str) -> tuple[int, int]:
    """Partition and offset from what `--at` is given. Raises `Problem` where it is neither.

    >>> place("1:520")
    (1, 520)
    """
    found = _PLACE.fullmatch(text)
    if found is None:
        raise Problem(
            f"--at {text!r} is no place: write PARTITION:OFFSET as `millrace rejected list` shows it, as 1:520"
        )
    return int(found[1]), int(found[2])
