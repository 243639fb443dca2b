"""A partition that stops by name: the others go on, health says so, and the last one ends the worker."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from streams.runtime.metrics import Metrics
from streams.runtime.ownership import Ownership
from streams.runtime.pages import health
from streams.runtime.task import Stopped
from streams.runtime.watchdog import Watchdog

WITHIN_S = 10.0
REASON = "score stops: 1,000 records in a row were rejected"


class Batches:
    """An owned partition: so many batches to commit, and then, maybe, one that stops it."""

    refolded = 0
    records = 1
    partition = 0
    merge = SimpleNamespace(inputs={})
    chain = SimpleNamespace(named="score", seq=0)
    positions: ClassVar[dict[str, int]] = {}

    def __init__(self, batches: int, *, stops: bool) -> None:
        self.left = batches
        self.stops = stops
        self.committed = 0
        self.tried = 0

    @property
    def task(self) -> Any:
        return self

    def fold(self) -> Any:
        self.tried += 1
        if not self.left:
            if self.stops:
                raise Stopped(REASON)
            return None
        self.left -= 1
        return self

    @property
    def entry(self) -> Any:
        return self

    def commit(self, _: Any) -> None:
        self.committed += 1

    def close(self) -> None:
        pass


class Quiet(Metrics):
    """Metrics of tasks that have none."""

    def owned(self, task: Any, refolded: int) -> None:
        pass

    def committed(self, task: Any) -> None:
        pass

    def released(self, partition: int) -> None:
        pass


def run(owned: dict[int, Batches], play: Callable[[Ownership], Awaitable[None]]) -> None:
    """Play it with an ownership that holds these."""

    class Owner:
        def own(self, partition: int, _: Any) -> Any:
            return owned[partition]

    async def played() -> None:
        owner: Any = Owner()
        ownership = Ownership(owner, Quiet("p", "s"))
        await ownership.take(owned)
        await asyncio.wait_for(play(ownership), WITHIN_S)

    asyncio.run(played())


def test_one_partition_stops_and_the_others_go_on() -> None:
    owned = {0: Batches(1, stops=True), 1: Batches(2, stops=False)}

    async def play(ownership: Ownership) -> None:
        await ownership.step(0)
        tried = owned[0].tried
        await ownership.step(0)
        await ownership.step(1)

        assert owned[0].tried == tried
        assert (owned[0].committed, owned[1].committed) == (1, 2)
        assert not ownership.failed.done()
        assert health(ownership, Watchdog())["reasons"] == [f"partition 0: {REASON}"]

    run(owned, play)


def test_a_worker_of_which_all_partitions_have_stopped_ends() -> None:
    async def play(ownership: Ownership) -> None:
        await ownership.step(0)
        assert not ownership.failed.done()
        await ownership.step(1)
        with pytest.raises(Stopped, match="1,000 records in a row"):
            await ownership.failed

    run({0: Batches(0, stops=True), 1: Batches(1, stops=True)}, play)


def test_a_partition_that_moves_away_is_not_remembered_as_stopped() -> None:
    async def play(ownership: Ownership) -> None:
        await ownership.step(0)
        await ownership.release([0])

        assert not ownership.stopped

    run({0: Batches(0, stops=True), 1: Batches(0, stops=False)}, play)
