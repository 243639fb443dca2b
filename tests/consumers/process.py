"""One life of a sink: every call that it makes to a server is a step, at which it may be struck."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

STEPS_AT_MOST = 3_000
SLICE_S = 5.0
T = TypeVar("T")


class Crash(BaseException):
    """kill -9: nothing of this life has any effect after it."""


class Stuck(BaseException):
    """The sink goes round and round and does not finish."""


class Clock:
    """Seconds that pass only where somebody waits."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def advance(self, by_s: float) -> None:
        self.now_s += by_s

    def monotonic(self) -> float:
        return self.now_s

    def time(self) -> float:
        return self.now_s


class Stop(threading.Event):
    """Waits on the clock above."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def wait(self, timeout: float | None = None) -> bool:
        self._clock.advance(min(timeout or 0.0, SLICE_S))
        return self.is_set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Blow:
    """What happens at step `at`: `when` is before it, torn (half of it took effect) or after it took effect.

    `then` is the next one.
    """

    at: int
    when: str
    strike: Callable[[], None]
    then: "Blow | None" = None


def crash() -> None:
    raise Crash


@dataclass(slots=True, kw_only=True)
class Process:
    """Counts steps, and lets the blow fall. The dead do nothing more."""

    blow: Blow | None = None
    steps: list[str] = field(default_factory=list)
    dead: bool = False

    def step(self, kind: str, work: Callable[[], T], *, torn: Callable[[], object] | None = None) -> T:
        """Do `work`; `torn` is the half of it that may be all that takes effect."""
        if self.dead:
            raise Crash
        self.steps.append(kind)
        if len(self.steps) > STEPS_AT_MOST:
            raise Stuck
        blow = self.blow if self.blow is not None and self.blow.at == len(self.steps) - 1 else None
        if blow is None:
            return work()
        if blow.when == "before":
            self._strike(blow)
            return work()
        done = work() if blow.when == "after" or torn is None else torn()
        self._strike(blow)
        return done  # type: ignore[return-value]  # nobody survives what was torn

    def _strike(self, blow: Blow) -> None:
        self.blow = blow.then
        try:
            blow.strike()
        except Crash:
            self.dead = True
            raise
