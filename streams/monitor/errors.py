"""ADWIN on the errors of the model, in the order in which the truth came."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan
from typing import Any, NamedTuple

from river.drift import ADWIN


class Rise(NamedTuple):
    """The mean error went up: from `old` to `new`, seen at the error at `place` of those handed in."""

    place: int
    old: float
    new: float


@dataclass(slots=True)
class Errors:
    """What ADWIN keeps; the level, which is the lowest mean it found since the last alert; whether it found a rise."""

    adwin: Any
    level: float | None = None
    rising: bool = False
    findings: int = 0

    @classmethod
    def watch(cls, delta: float, at_least: int) -> "Errors":
        """ADWIN (Bifet and Gavaldà, 2007) with confidence `delta`, between windows of `at_least` errors each.

        Its bound supposes many values: a run of five frauds would pass for a change.
        """
        return cls(ADWIN(delta=delta, min_window_length=at_least))  # type: ignore[no-untyped-call]  # River is untyped

    def add(self, errors: Iterable[float], least_raise: float) -> list[Rise]:
        """Take errors in order, NaN for none, and return where the mean rose by the share `least_raise` or more.

        ADWIN finds a change early, while its window still holds old errors, and again in steps where labels bring the
        change bit by bit. So a rise counts from the level, once ADWIN has found one, as soon as the mean of its window
        is that much above. An alert lifts the level to the new mean.
        """
        adwin, rises = self.adwin, []
        total, width = adwin.total, adwin.width
        for place, error in enumerate(errors):
            if isnan(error):
                continue
            adwin.update(error)
            total, width = total + error, width + 1.0
            if adwin.drift_detected:
                self._find(total, width)
                total, width = adwin.total, adwin.width
            if self.rising and self.level is not None and adwin.estimation > self.level * (1.0 + least_raise):
                rises.append(Rise(place, self.level, adwin.estimation))
                self.level, self.rising = adwin.estimation, False
        return rises

    def _find(self, total: float, width: float) -> None:
        """ADWIN dropped what no longer fits: the old errors. `total` and `width` were those of its window before."""
        adwin = self.adwin
        dropped = width - adwin.width
        old = (total - adwin.total) / dropped if dropped > 0.0 else adwin.estimation
        self.findings += 1
        self.rising = adwin.estimation > old
        lowest = min(old, adwin.estimation)
        self.level = lowest if self.level is None else min(self.level, lowest)
