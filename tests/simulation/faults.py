"""What goes wrong, and at which step. Every call of a port is a step: its kind, and the how manieth of that kind."""

from collections import Counter
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from streams.runtime.ports import Abortable, Unknown


class Crash(BaseException):
    """The process is gone. No handler of ours may take it for an error that it knows."""


class Effect(StrEnum):
    """What happens at a step. `before` and `after` are those of what the step does to the log.

    What is done later, or has timed out, is the coordinator's doing: the producer sees to it.
    """

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    STOLEN_BEFORE = "stolen before"
    STOLEN_AFTER = "stolen after"
    UNKNOWN_BEFORE = "unknown, not done"
    UNKNOWN_AFTER = "unknown, done"
    UNKNOWN_LATE = "unknown, done later"
    ABORTABLE = "to be aborted"
    TIMED_OUT = "timed out before"


_AFTER = {Effect.CRASH_AFTER, Effect.STOLEN_AFTER, Effect.UNKNOWN_AFTER}


class Step(NamedTuple):
    """One call of a port."""

    kind: str
    nth: int


class Fault(NamedTuple):
    """`effect` at the first step of `kind` after `skip` others of it, counted from the fault before."""

    kind: str
    effect: Effect
    skip: int = 0

    def __str__(self) -> str:
        return f"{self.effect} {self.kind} (after {self.skip})"


class Plan:
    """The faults of one run, one after the other, and the trace of all steps. `steal` lets another worker go on."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self.faults = list(faults)
        self.fired: list[Fault] = []
        self.trace: list[Step] = []
        self.steal: Callable[[], None] = lambda: None
        self.active = True
        self.dead = False
        """Whether a worker has crashed just now: nothing that it still does reaches Kafka."""
        self._counts: Counter[str] = Counter()
        self._passed = 0

    def before(self, kind: str) -> Fault | None:
        """Count the step; the fault that strikes it, whose effect has come about where it comes first."""
        if not self.active:
            return None
        self.trace.append(Step(kind, self._counts[kind]))
        self._counts[kind] += 1
        fault = self.faults[0] if self.faults else None
        if fault is None or fault.kind != kind:
            return None
        if self._passed < fault.skip:
            self._passed += 1
            return None
        self.fired.append(self.faults.pop(0))
        self._passed = 0
        if fault.effect not in _AFTER:
            self._strike(fault)
        return fault

    def after(self, fault: Fault | None) -> None:
        """The step is done: the effect of a fault that comes then."""
        if fault is not None and fault.effect in _AFTER:
            self._strike(fault)

    def _strike(self, fault: Fault) -> None:
        effect = fault.effect
        if effect in (Effect.CRASH_BEFORE, Effect.CRASH_AFTER):
            self.dead = True
            raise Crash(str(fault))
        if effect in (Effect.UNKNOWN_BEFORE, Effect.UNKNOWN_AFTER):
            raise Unknown(str(fault))
        if effect is Effect.ABORTABLE:
            raise Abortable(str(fault))
        if effect in (Effect.STOLEN_BEFORE, Effect.STOLEN_AFTER):
            self.steal()
