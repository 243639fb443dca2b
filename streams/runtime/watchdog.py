"""What is wrong with the partitions that the group gives to this worker: no task, or a task that stands still."""

from collections.abc import Callable, Collection, Hashable, Iterable
from time import monotonic

from streams.runtime.task import Task

NO_TASK_S = 10.0
STILL_S = 60.0
STUCK_S = 120.0
"""No commit takes so long: what it waits for does not come, and a worker that is started again does not wait for it."""


class Watchdog:
    """Looks now and then; `reasons` are what it found when it last did, one sentence each, none where all is well."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._missing: dict[int, Since] = {}
        self._still: dict[int, Since] = {}
        self.reasons: list[str] = []

    def stuck(self) -> bool:
        """Whether a task has stood still for so long that only a new worker helps."""
        return any(self._clock() - since.at_s >= STUCK_S for since in self._still.values())

    def look(self, assigned: Collection[int], tasks: Iterable[Task]) -> None:
        """Compare what is `assigned` with the `tasks` there are, and those with where they stood before."""
        now_s = self._clock()
        behind = {task.partition: (lag(task), tuple(task.positions.values())) for task in tasks}
        self._missing = {p: self._missing.get(p, Since((), now_s)) for p in assigned if p not in behind}
        self._still = {
            p: self._still[p] if p in self._still and self._still[p].what == places else Since(places, now_s)
            for p, (records, places) in behind.items()
            if records
        }
        self.reasons = [
            f"partition {p} is assigned to this worker and has no task for {now_s - since.at_s:.0f} s"
            for p, since in sorted(self._missing.items())
            if now_s - since.at_s >= NO_TASK_S
        ] + [
            f"partition {p} has folded nothing for {now_s - since.at_s:.0f} s, and {behind[p][0]} records wait"
            for p, since in sorted(self._still.items())
            if now_s - since.at_s >= STILL_S
        ]


class Since:
    """Something that has been so since a time."""

    __slots__ = ("at_s", "what")

    def __init__(self, what: Hashable, at_s: float) -> None:
        self.what = what
        self.at_s = at_s


def lag(task: Task) -> int:
    """How many offsets the broker has reported of its inputs that the task has not folded."""
    return sum(max((each.stable or 0) - each.folded, 0) for each in task.merge.inputs.values())
