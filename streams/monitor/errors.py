"""ADWIN on the errors of the model, in the order in which the truth came."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isnan
from typing import Any, NamedTuple

from river.drift import ADWIN


class Rise(NamedTuple):
    """The mean error went up: from `old` to `new`, found at the error at `place` of those handed in."""

    place: int
    old: float
    new: float


@dataclass(slots=True)
class Errors:
    """What ADWIN keeps, and the level: the lowest mean it has found since the last alert."""

    adwin: Any
    level: float | None = None
    findings: int = 0

    @classmethod
    def watch(cls, delta: float) -> "Errors":
        """ADWIN (Bifet and Gavaldà, 2007) with confidence `delta`."""
        return cls(ADWIN(delta=delta))  # type: ignore[no-untyped-call]  # River's detectors are untyped

    def add(self, errors: Iterable[float], least_raise: float) -> list[Rise]:
        """Take errors in order, NaN for none, and return where the mean rose by the share `least_raise` or more.

        The old mean is that of the errors which ADWIN dropped. As labels come late a change arrives by and by, and ADWIN
        finds it in steps: a rise counts from the level, which an alert lifts to the new mean.
        """
        adwin, rises = self.adwin, []
        for place, error in enumerate(errors):
            if isnan(error):
                continue
            total, width = adwin.total, adwin.width
            adwin.update(error)
            if adwin.drift_detected:
                self.findings += 1
                dropped = width + 1.0 - adwin.width
                old = (total + error - adwin.total) / dropped if dropped > 0 else adwin.estimation
                rise = self._judge(place, old, adwin.estimation, least_raise)
                if rise is not None:
                    rises.append(rise)
        return rises

    def _judge(self, place: int, old: float, new: float, least_raise: float) -> Rise | None:
        before = old if self.level is None else min(self.level, old)
        if new <= before * (1.0 + least_raise):
            self.level = min(before, new)
            return None
        self.level = new
        return Rise(place, before, new)
