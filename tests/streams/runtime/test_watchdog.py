"""Health fails where a partition has no task, or one that stands still with work to do; never where all is well."""

from typing import Any

from streams.runtime.merge import Merge
from streams.runtime.raw import Run
from streams.runtime.watchdog import NO_TASK_S, STILL_S, STUCK_S, Watchdog


class Clock:
    """The time that a test sets."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Standing:
    """What a watchdog asks of a task: its partition, its merge and where it stands."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.merge = Merge(["events"], [0])

    @property
    def positions(self) -> dict[str, int]:
        return {topic: each.folded for topic, each in self.merge.inputs.items()}

    def told(self, end: int) -> "Standing":
        """The broker has reported so many records."""
        each = self.merge.inputs["events"]
        self.merge.deliver(Run("events", each.fetched, each.fetched, end, []))
        return self

    def folds(self, count: int) -> None:
        each = self.merge.inputs["events"]
        each.folded = each.fetched = each.folded + count


def looked(watchdog: Watchdog, clock: Clock, assigned: set[int], tasks: list[Any], *, for_s: float) -> list[str]:
    """What it says after looking each second for so long."""
    for _ in range(int(for_s)):
        watchdog.look(assigned, tasks)
        clock.now_s += 1.0
    watchdog.look(assigned, tasks)
    return watchdog.reasons


def test_an_assigned_partition_without_a_task_is_named_after_a_while() -> None:
    clock, task = Clock(), Standing(0)
    watchdog = Watchdog(clock)

    assert looked(watchdog, clock, {0, 1}, [task], for_s=NO_TASK_S - 1) == []
    assert looked(watchdog, clock, {0, 1}, [task], for_s=1) == [
        "partition 1 is assigned to this worker and has no task for 10 s"
    ]
    assert looked(watchdog, clock, {0, 1}, [task, Standing(1)], for_s=0) == []


def test_a_partition_that_moves_away_in_time_is_not_missed() -> None:
    clock = Clock()
    watchdog = Watchdog(clock)
    looked(watchdog, clock, {0}, [], for_s=NO_TASK_S - 1)
    looked(watchdog, clock, set(), [], for_s=1)

    assert looked(watchdog, clock, {0}, [], for_s=NO_TASK_S - 1) == []


def test_a_task_that_stands_still_with_work_to_do_is_named() -> None:
    clock, task = Clock(), Standing(2).told(5)
    watchdog = Watchdog(clock)

    assert looked(watchdog, clock, {2}, [task], for_s=STILL_S - 1) == []
    assert looked(watchdog, clock, {2}, [task], for_s=1) == [
        "partition 2 has folded nothing for 60 s, and 5 records wait"
    ]
    task.folds(1)
    assert looked(watchdog, clock, {2}, [task], for_s=STILL_S - 1) == []


def test_a_task_that_stands_still_for_too_long_is_stuck() -> None:
    clock, task = Clock(), Standing(2).told(5)
    watchdog = Watchdog(clock)
    looked(watchdog, clock, {2}, [task], for_s=STUCK_S - 1)

    assert not watchdog.stuck()
    looked(watchdog, clock, {2}, [task], for_s=1)
    assert watchdog.stuck()
    task.folds(5)
    looked(watchdog, clock, {2}, [task], for_s=0)
    assert not watchdog.stuck()


def test_a_task_with_nothing_to_do_may_rest_and_begin_when_something_comes() -> None:
    clock, task = Clock(), Standing(0)
    watchdog = Watchdog(clock)

    assert looked(watchdog, clock, {0}, [task], for_s=10 * STILL_S) == []
    task.told(1)
    assert looked(watchdog, clock, {0}, [task], for_s=STILL_S - 1) == []
