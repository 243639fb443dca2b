"""Which tasks this process owns: taking, rebuilding, stepping and letting go of them."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from streams.runtime.metrics import Metrics
from streams.runtime.raw import Run
from streams.runtime.reader import reread
from streams.runtime.task import Binding, Task
from streams.runtime.writer import Committed, Fenced, Offsets, Writer

log = logging.getLogger(__name__)


class Owned(NamedTuple):
    """A task with the producer that makes it ours, and the lock that lets one step run at a time."""

    task: Task
    writer: Writer
    stepping: asyncio.Lock


class Ownership:
    """The tasks of one stage in one process. All methods run on the event loop; what blocks runs in a thread."""

    def __init__(self, binding: Binding, kafka: Mapping[str, object], metrics: Metrics) -> None:
        self.binding = binding
        self._kafka = kafka
        self._metrics = metrics
        self._offsets = Offsets(kafka, binding.group)
        self._owned: dict[int, Owned] = {}
        self._parked: dict[int, Task] = {}
        self.made_room: Callable[[int], None] = lambda _: None
        """Called with the partition whenever a group is committed, so that its buffers have room again."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def take(self, partitions: Iterable[int]) -> dict[int, dict[str, int]]:
        """Own these partitions and no others; per partition and topic the position to fetch from.

        A partition that is owned already goes on from what its task has been given.
        """
        wanted = set(partitions)
        await self.release(set(self._owned) - wanted)
        for partition in sorted(wanted - set(self._owned)):
            self._owned[partition] = await asyncio.to_thread(self._own, partition)
        self._parked.clear()
        return {p: {t: i.fetched for t, i in self._owned[p].task.merge.inputs.items()} for p in sorted(wanted)}

    def _own(self, partition: int) -> Owned:
        """Fence the former owner, then go on from what is committed.

        A task that was ours until now and stands exactly there goes on as it is; else its state is rebuilt.
        """
        binding = self.binding
        writer = Writer(
            self._kafka,
            transactional_id=f"{binding.transactional_id}.{partition}",
            partition=partition,
            offsets=self._offsets,
        )
        found = self._offsets.committed(binding.topics, partition)
        task, refolded = self._parked.pop(partition, None), 0
        if task is not None and task.positions == found.positions:
            task.merge.rewind()
        else:
            task = Task(binding, partition, found.starts)
            refolded = self._refold(task, found)
        self._metrics.owned(task, refolded)
        log.info("%s: partition %d is ours, %d records folded again", binding.stage.name, partition, refolded)
        return Owned(task, writer, asyncio.Lock())

    def _refold(self, task: Task, found: Committed) -> int:
        runs = {t: reread(self._kafka, t, task.partition, at, found.positions[t]) for t, at in found.starts.items()}
        refolded = 0
        while True:
            for topic, source in runs.items():
                if not task.merge.inputs[topic].records:
                    for run in source:
                        task.deliver(run)
                        if run.records:
                            break
            folded = task.refold()
            if not folded:
                break
            refolded += folded
        task.require(found.counts)
        return refolded

    def deliver(self, partition: int, run: Run) -> bool:
        """Hand a fetched run to its task; False where it does not follow on the last one, so fetch again from there."""
        owned = self._owned.get(partition)
        return owned is None or owned.task.deliver(run)

    def task(self, partition: int) -> Task | None:
        """The task of this partition, where it is ours."""
        owned = self._owned.get(partition)
        return owned.task if owned else None

    @property
    def tasks(self) -> list[Task]:
        """All tasks that are ours."""
        return [owned.task for owned in self._owned.values()]

    async def step(self, partition: int) -> None:
        """Fold and commit all that is queued for this partition. While one call does so, another returns at once.

        After a failure it does neither: a commit would pass over what the failed task has taken.
        """
        owned = self._owned.get(partition)
        if owned is None or owned.stepping.locked() or self.failed.done():
            return
        try:
            async with owned.stepping:
                await self._drain(partition, owned)
        except Fenced as fenced:
            log.warning("%s: partition %d was taken over: %s", self.binding.stage.name, partition, fenced)
            self.fail(fenced)
        except Exception as error:  # noqa: BLE001 (not swallowed: `serve` raises it)
            self.fail(error)

    async def _drain(self, partition: int, owned: Owned) -> None:
        while self._owned.get(partition) is owned:
            with self._metrics.folding():
                group = owned.task.step()
            if group is None:
                return
            with self._metrics.committing(group.records):
                await asyncio.to_thread(owned.writer.commit, group, seq=owned.task.seq)
            self._metrics.committed(owned.task)
            self.made_room(partition)

    def fail(self, error: BaseException) -> None:
        """Stop the worker with this error: a task that cannot go on must not look as if it did."""
        if not self.failed.done():
            self.failed.set_exception(error)

    async def release(self, partitions: Iterable[int]) -> None:
        """Let go of these partitions after the commit under way; their tasks are parked until the next `take`."""
        for partition in partitions:
            owned = self._owned.pop(partition, None)
            if owned is not None:
                async with owned.stepping:
                    await asyncio.to_thread(owned.writer.close)
                self._parked[partition] = owned.task
                self._metrics.released(partition)

    async def close(self) -> None:
        """Let go of everything."""
        await self.release(list(self._owned))
        await asyncio.to_thread(self._offsets.close)
