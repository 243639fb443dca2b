"""Steps of partitions: when they are needed, when they overlap; and one that stops by name, while others go on."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from streams.runtime.metrics import Metrics
from streams.runtime.ownership import AHEAD, Ownership
from streams.runtime.pages import health, scraped
from streams.runtime.ports import Fenced
from streams.runtime.slices import Slices
from streams.runtime.task import Stopped
from streams.runtime.watchdog import Watchdog

WITHIN_S = 10.0
REASON = "score stops: 1,000 records in a row were rejected"


class Batches:
    """An owned partition: so many batches to commit, and then, maybe, one that stops it."""

    refolded = 0
    records = 1
    queued = 0
    counts: ClassVar[dict[str, int]] = {}
    partition = 0
    merge = SimpleNamespace(inputs={})
    binding = SimpleNamespace(asked=None)
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

    def folding(self, limit: int, size: int) -> Slices[Any]:  # noqa: ARG002 (whatever comes)
        yield
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

    def committed(self, task: Any, counts: Mapping[str, int]) -> None:
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
        ownership = Ownership(owner, Quiet("p", 1, "s"))
        await ownership.take(owned)
        await asyncio.wait_for(play(ownership), WITHIN_S)

    asyncio.run(played())


def healthy(ownership: Ownership) -> str:
    """What Prometheus reads of it."""
    (line,) = (
        each
        for each in scraped(ownership, Metrics("p", 1, "s"), Watchdog()).decode().splitlines()
        if "healthy{" in each
    )
    return line.split()[-1]


def test_one_partition_stops_and_the_others_go_on() -> None:
    owned = {0: Batches(1, stops=True), 1: Batches(2, stops=False)}

    async def play(ownership: Ownership) -> None:
        assert healthy(ownership) == "1.0"
        await ownership.step(0)
        tried = owned[0].tried
        await ownership.step(0)
        await ownership.step(1)

        assert owned[0].tried == tried
        assert (owned[0].committed, owned[1].committed) == (1, 2)
        assert not ownership.failed.done()
        assert health(ownership, Watchdog())["reasons"] == [f"partition 0: {REASON}"]
        assert healthy(ownership) == "0.0"

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


def test_a_partition_that_stops_while_it_is_let_go_of_is_not_remembered_either() -> None:
    async def play(ownership: Ownership) -> None:
        held = ownership._held[0]
        await ownership.release([0])
        ownership._stop(0, Stopped(REASON))
        ownership._held[0] = held

        assert not ownership.stopped
        assert not ownership.failed.done()

    run({0: Batches(0, stops=True), 1: Batches(0, stops=False)}, play)


class Overlapping(Batches):
    """Says in which order it folds and commits; a commit takes until the next fold, if `queued` says that one comes."""

    def __init__(self, batches: int, *, queued: int) -> None:
        super().__init__(batches, stops=False)
        self.queued = queued
        self.order: list[str] = []
        self.folded_next = threading.Semaphore(0)

    def folding(self, limit: int, size: int) -> Slices[Any]:
        self.order.append("fold")
        if len(self.order) > 1:
            self.folded_next.release()
        return super().folding(limit, size)

    def commit(self, batch: Any) -> None:
        if self.queued:
            assert self.folded_next.acquire(timeout=WITHIN_S)
        self.order.append("commit")
        super().commit(batch)


def test_the_next_batch_is_folded_while_one_commits_where_much_waits() -> None:
    many, few = Overlapping(2, queued=AHEAD), Overlapping(2, queued=0)

    async def play(ownership: Ownership) -> None:
        await ownership.step(0)
        await ownership.step(1)

    run({0: many, 1: few}, play)

    assert many.order == ["fold", "fold", "commit", "fold", "commit", "fold"]
    assert few.order == ["fold", "commit", "fold", "commit", "fold"]


def test_what_was_folded_ahead_of_a_lost_commit_is_not_committed() -> None:
    class Lost(Overlapping):
        def commit(self, batch: Any) -> None:
            super().commit(batch)
            raise Fenced("a newer producer")

    lost, taken = Lost(3, queued=AHEAD), []

    async def play(ownership: Ownership) -> None:
        ownership.taken_over = lambda partition, _: taken.append(partition)
        await ownership.step(0)

        assert ownership.task(0) is None

    run({0: lost}, play)

    assert (lost.order, taken) == (["fold", "fold", "commit"], [0])


class Together(Batches):
    """A batch takes all that is queued."""

    def folding(self, limit: int, size: int) -> Slices[Any]:
        self.left, self.queued = min(1, self.queued), 0
        return super().folding(limit, size)


def test_what_comes_right_behind_the_first_record_is_committed_with_it() -> None:
    together = Together(0, stops=False)

    async def play(ownership: Ownership) -> None:
        together.queued = 1
        step = asyncio.create_task(ownership.step(0))
        await asyncio.sleep(0)
        together.queued += 1
        await step

    run({0: together}, play)

    assert (together.queued, together.committed) == (0, 1)


class Fed(Batches):
    """What is queued comes while it goes on; where nothing is, a fold ends at once, as ours does, and says so."""

    found_nothing: Callable[[], object] = staticmethod(lambda: None)

    @property
    def merge(self) -> Any:  # type: ignore[override]
        return SimpleNamespace(inputs={}, ready=self.left > 0)

    def folding(self, limit: int, size: int) -> Slices[Any]:
        if self.left:
            return super().folding(limit, size)
        self.found_nothing()
        return _nothing()


def _nothing() -> Slices[None]:
    return
    yield


@pytest.mark.parametrize("turns", range(12))
def test_what_comes_during_a_step_needs_no_other_one_and_is_folded(turns: int) -> None:
    """Whatever moment of a step it comes at: so many turns of the event loop lie between what comes."""
    fed, steps = Fed(0, stops=False), list[asyncio.Task[None]]()

    async def play(ownership: Ownership) -> None:
        for _ in range(100):
            fed.left += 1
            if ownership.waiting(0):
                assert all(step.done() for step in steps)
                steps.append(asyncio.create_task(ownership.step(0)))
                await asyncio.sleep(0)
            for _ in range(turns):
                await asyncio.sleep(0)
        await asyncio.gather(*steps)

    run({0: fed}, play)

    assert (fed.left, fed.committed) == (0, 100)


def test_what_comes_right_after_a_step_has_found_nothing_is_folded_by_another() -> None:
    fed, steps = Fed(1, stops=False), list[asyncio.Task[None]]()

    async def play(ownership: Ownership) -> None:
        def come() -> None:
            fed.left += 1
            assert ownership.waiting(0)
            steps.append(asyncio.create_task(ownership.step(0)))

        def come_next() -> None:
            if not steps:
                asyncio.get_running_loop().call_soon(come)

        fed.found_nothing = come_next
        await ownership.step(0)
        await asyncio.sleep(0)
        await asyncio.gather(*steps)

    run({0: fed}, play)

    assert (fed.left, fed.committed, len(steps)) == (0, 2, 1)


def test_nothing_waits_where_nothing_can_be_folded_or_nobody_owns_it() -> None:
    async def play(ownership: Ownership) -> None:
        assert not ownership.waiting(0)
        assert ownership.waiting(1)
        assert not ownership.waiting(2)

    run({0: Fed(0, stops=False), 1: Fed(1, stops=False)}, play)
