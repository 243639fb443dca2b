"""How fast records leave: a policy without a clock. The time is handed in; waiting is the publisher's business."""

import re
from dataclasses import dataclass

from schemas.problem import Problem

_RATE = re.compile(r"(\d+(?:\.\d+)?)(?:/s)?")
_SPEED = re.compile(r"(\d+(?:\.\d+)?)x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """When the next record is due: so many a second, so many times faster than it happened, or at once.

    >>> Pace(rate_per_s=200).due_s(sent=50, since_ms=0), Pace(speed=3600).due_s(sent=50, since_ms=7_200_000)
    (0.25, 2.0)
    >>> Pace().due_s(sent=50, since_ms=7_200_000)
    0.0
    """

    rate_per_s: float | None = None
    speed: float | None = None

    def __post_init__(self) -> None:
        if self.rate_per_s is not None and self.speed is not None:
            raise Problem("a rate and a speed contradict each other: give one of them")

    def due_s(self, *, sent: int, since_ms: int) -> float:
        """Seconds after the first record at which the next one leaves, `sent` records and `since_ms` of their own
        time after the first."""
        if self.rate_per_s is not None:
            return sent / self.rate_per_s
        if self.speed is not None:
            return since_ms / 1000 / self.speed
        return 0.0


def rate(text: str) -> Pace:
    """Records a second, as in `500` or `500/s`. Raises `Problem` for anything else.

    >>> rate("500/s").rate_per_s
    500.0
    """
    return Pace(rate_per_s=_positive(_RATE, text, "rate: write records a second, as in 500 or 500/s"))


def speed(text: str) -> Pace:
    """Times faster than it happened, as in `3600x`: an hour in a second. Raises `Problem` for anything else.

    >>> speed("3600x").speed
    3600.0
    """
    return Pace(speed=_positive(_SPEED, text, "speed: write a factor of event time, as in 1x or 3600x"))


def _positive(pattern: re.Pattern[str], text: str, cure: str) -> float:
    found = pattern.fullmatch(text.strip())
    if found is None or float(found[1]) == 0:
        raise Problem(f"{text!r} is no {cure}")
    return float(found[1])
