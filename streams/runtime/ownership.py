"""Which tasks this process owns: taking, rebuilding, stepping and letting go of them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

from schemas.problem import Problem
from streams.runtime.desk import Answered, Away, Desk
from streams.runtime.ledger import Chain
from streams.runtime.metrics import Metrics
from streams.runtime.owned import Batch, Owned
from streams.runtime.owner import Owner
from streams.runtime.ports import Fenced
from streams.runtime.raw import Run
from streams.runtime.slices import in_turn
from streams.runtime.task import Binding, Stopped, Task

AHEAD = 250
"""Records that must wait for the next batch to be folded before the last one is committed: fewer go along with those
that come until then, in fewer commits."""

GATHER_S = 0.001
"""How long the first few records wait for others: an event and a label of the same moment come in two fetches, and one
of them would wait for the commit of the other."""

log = logging.getLogger(__name__)


class Held(NamedTuple):
    """A partition that is ours, the lock that lets one step run at a time, and where its state is asked."""

    owned: Owned
    stepping: asyncio.Lock
    desk: Desk


class Ownership:
    """The tasks of one stage in one process. All methods run on the event loop; what blocks runs in a thread."""

    def __init__(self, owner: Owner, metrics: Metrics) -> None:
        self.owner = owner
        self._metrics = metrics
        self._held: dict[int, Held] = {}
        self._parked: dict[int, Owned] = {}
        self.stopped: dict[int, Stopped] = {}
        """Partitions that are ours and do not go on, and why."""
        self.made_room: Callable[[int], None] = lambda _: None
        """Called with the partition whenever a batch is committed, so that its buffers have room again."""
        self.taken_over: Callable[[int, Fenced], None] = lambda _, fenced: self.fail(fenced)
        """Called with the partition that somebody else has fenced us from."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def binding(self) -> Binding:
        """The stage and its topics."""
        return self.owner.binding

    async def take(self, partitions: Iterable[int]) -> dict[int, dict[str, int]]:
        """Own these partitions and no others; per partition that is ours and topic the position to fetch from.

        A partition that is owned already goes on from what its task has been given.
        """
        wanted = set(partitions)
        await self.release(set(self._held) - wanted)
        taken = await asyncio.gather(*map(self._own, sorted(wanted - set(self._held))), return_exceptions=True)
        self._parked.clear()
        for failure in filter(None, taken):
            raise failure
        return {
            p: {t: i.fetched for t, i in held.owned.task.merge.inputs.items()} for p, held in sorted(self._held.items())
        }

    async def _own(self, partition: int) -> None:
        try:
            owned = await asyncio.to_thread(self.owner.own, partition, self._parked.pop(partition, None))
        except Fenced as fenced:
            self.taken_over(partition, fenced)
            return
        self._held[partition] = Held(owned, asyncio.Lock(), Desk(owned))
        self._metrics.owned(owned.task, owned.refolded)
        log.info("%s is ours, %d records folded again", owned.chain.named, owned.refolded)

    def deliver(self, partition: int, run: Run) -> bool:
        """Hand a fetched run to its task; False where it does not follow on the last one, so fetch again from there."""
        held = self._held.get(partition)
        return held is None or held.owned.deliver(run)

    def task(self, partition: int) -> Task | None:
        """The task of this partition, where it is ours."""
        held = self._held.get(partition)
        return held.owned.task if held else None

    @property
    def tasks(self) -> list[Task]:
        """All tasks that are ours."""
        return [held.owned.task for held in self._held.values()]

    @property
    def chains(self) -> list[Chain]:
        """The end of the ledger of each task that is ours."""
        return [held.owned.chain for held in self._held.values()]

    async def ask(self, partition: int, event: Any, at_ms: int) -> Answered:
        """What `event` would be scored with, by the state that was committed last, and where that stands.

        Raises `Away` where no such state is here, `Busy` where too many ask, and what the stage refuses it with.
        """
        held = self._held.get(partition)
        if held is None or partition in self.stopped or self.failed.done():
            raise Away(f"partition {partition} is not ready here")
        return await held.desk.ask(event, at_ms)

    def waiting(self, partition: int) -> bool:
        """Whether something is queued for this partition that can be folded, and that no step is going to fold.

        A step under way folds all that is delivered until it ends, so nobody needs to be told of that.
        """
        held = self._held.get(partition)
        return held is not None and held.owned.task.merge.ready and not held.stepping.locked()

    async def step(self, partition: int) -> None:
        """Fold and commit all that is queued for this partition. While one call does so, another returns at once.

        After a failure, or once the partition has stopped, it does neither: a commit would pass over what the failed
        task has taken.
        """
        held = self._held.get(partition)
        if held is None or held.stepping.locked() or partition in self.stopped or self.failed.done():
            return
        try:
            async with held.stepping:
                if held.owned.task.queued < AHEAD:
                    await asyncio.sleep(GATHER_S)
                await self._drain(partition, held)
        except Fenced as fenced:
            await self.release([partition])
            self.taken_over(partition, fenced)
        except Stopped as stopped:
            self._stop(partition, stopped)
        except Exception as error:  # noqa: BLE001 (not swallowed: `serve` raises it)
            self.fail(error)

    async def _drain(self, partition: int, held: Held) -> None:
        """Fold and commit until nothing is queued. Where much is, the next batch is folded while one is committed."""
        owned = held.owned
        before: Awaitable[None] | None
        under_way: Awaitable[None] | None = None
        try:
            while self._held.get(partition) is held:
                if under_way is not None and (owned.task.queued < AHEAD or held.desk.waiting):
                    before, under_way = under_way, None
                    await before
                await held.desk.answer()
                held.desk.keep()
                with self._metrics.folding():
                    batch = await in_turn(owned.folding(held.desk.limit, held.desk.size), held.desk.rounds)
                before, under_way = under_way, None
                if before is not None:
                    await before
                elif batch is None:
                    return
                if batch is not None:
                    under_way = self._commit(partition, owned, batch)
        finally:
            if under_way is not None:
                await under_way

    def _commit(self, partition: int, owned: Owned, batch: Batch) -> Awaitable[None]:
        """Commit in a thread, from now on; it must be waited for."""

        def commit() -> None:
            with self._metrics.committing(batch.entry.records):
                owned.commit(batch)

        async def committed(commit: Awaitable[None]) -> None:
            await commit
            self._metrics.committed(owned.task, batch.entry.counts)
            self.made_room(partition)

        return committed(asyncio.get_running_loop().run_in_executor(None, commit))

    def _stop(self, partition: int, stopped: Stopped) -> None:
        """Leave one partition as it stands; the others go on. The last of them that stops ends the worker."""
        log.error("partition %d: %s", partition, stopped)
        held = self._held.get(partition)
        if held is None:  # it was let go of meanwhile: whoever has it next stops at the same record
            return
        self.stopped[partition] = stopped
        held.desk.close()
        if self.stopped.keys() >= self._held.keys():
            self.fail(stopped)

    def fail(self, error: BaseException) -> None:
        """Stop the worker with this error: a task that cannot go on must not look as if it did."""
        if not self.failed.done():
            self.failed.set_exception(error)
            for held in self._held.values():
                held.desk.close()

    async def release(self, partitions: Iterable[int], *, save: bool = False) -> None:
        """Let go of these partitions after the commit under way; their tasks are parked until the next `take`."""
        for partition in partitions:
            held = self._held.pop(partition, None)
            self.stopped.pop(partition, None)
            if held is not None:
                held.desk.close()
                async with held.stepping:
                    if save:
                        await asyncio.to_thread(self._save, held.owned)
                    await asyncio.to_thread(held.owned.close)
                self._parked[partition] = held.owned
                self._metrics.released(partition)

    async def close(self) -> None:
        """Let go of everything, with its state saved."""
        await self.release(list(self._held), save=True)

    def _save(self, owned: Owned) -> None:
        """Save the state before a deliberate stop. Where Kafka does not take it, the next owner folds again."""
        try:
            owned.save()
        except (Fenced, Problem) as error:
            log.warning("%s: stopped without saving its state: %s", owned.chain.named, error)
