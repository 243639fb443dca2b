"""Faust's transport with whole runs instead of messages: fetched records go to tasks, tokens go to Faust."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

import aiokafka
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from streams.runtime.fetch import ConsumerThread

IDLE_S = 1.0
BLOCKED_S = 0.05


class Consumer(driver.Consumer):
    """Delivers runs to tasks and yields one token per partition that has something to fold, but for what is folding.

    Tokens that nobody waits for would queue up in Faust, to be gone through all at once when the folding pauses.

    Faust neither commits nor waits for acknowledgements: positions are committed with the outputs they belong to.
    """

    app: Any
    _thread: ConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._numbers = count(1)
        self._full: set[TP] = set()
        self._room = asyncio.Event()
        self._owning = asyncio.Lock()

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def commit(self, *_: Any, **__: Any) -> bool:
        """Nothing: offsets are committed in the transaction of the outputs."""
        return True

    force_commit = commit

    async def wait_empty(self) -> None:
        """Nothing to wait for: no message is acknowledged."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Let Faust stop its actors, then let go of the tasks."""
        await super().on_partitions_revoked(revoked)
        self._full -= revoked
        await self.app.millrace.release({tp.partition for tp in revoked})

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Own what is assigned, and fetch from where its tasks go on. A failure stops the worker by name.

        Faust is told of no offsets: it would compare them with those of the tokens.
        """
        ownership = self.app.millrace
        async with self._owning:
            try:
                taken = await ownership.take({tp.partition for tp in self.assignment()})
            except Exception as error:
                ownership.fail(error)
                raise
            positions = {TP(topic, p): at for p, topics in taken.items() for topic, at in topics.items()}
            await self._thread.seek_all(positions)
        for partition in taken:
            self.resume_drained(partition)
        return {}

    def assigned(self) -> set[int]:
        """The partitions that the group gives to this worker; none while it moves them."""
        return set() if self._thread.moving else {tp.partition for tp in self.assignment()}

    def address_of(self, partition: int) -> str | None:
        """Where the worker with this partition is asked; None where that is not known."""
        return self._thread.address_of(partition)

    async def holds(self) -> bool:
        """Whether the group says that what was assigned still is."""
        return await self._thread.holds()

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ARG002
        """Fetch, deliver, and yield a token for every partition whose task can go on."""
        ownership = self.app.millrace
        if self._full and not self._get_active_partitions():
            await self._until_room()
            return
        blocked = any(task.merge.blocked for task in ownership.tasks)
        runs, _ = await self._wait_next_records(BLOCKED_S if blocked else IDLE_S)
        if not runs or not self.flow_active:
            return
        gaps = {tp for tp, run in runs.items() if not ownership.deliver(tp.partition, run)}
        if gaps:
            await self._thread.seek_all({tp: self._expected(tp) for tp in gaps})
        self._pause_full(runs)
        for partition in sorted({tp.partition for tp in runs}):
            if ownership.waiting(partition):
                yield self._token(partition)

    def leave_at_the_end(self) -> None:
        """Leave the group when this worker stops, instead of keeping its place until it comes back."""
        self._thread.leave_at_the_end()

    def _expected(self, tp: TP) -> int:
        task = self.app.millrace.task(tp.partition)
        return int(task.merge.inputs[tp.topic].fetched)

    def _pause_full(self, tps: Iterable[TP]) -> None:
        for tp in tps:
            task = self.app.millrace.task(tp.partition)
            if task is not None and task.full(tp.topic):
                self._full.add(tp)
                self.pause_partitions({tp})

    def resume_drained(self, partition: int) -> None:
        """Fetch again what was paused for being full, where its buffer has room."""
        task = self.app.millrace.task(partition)
        if task is None or not self._full:
            return
        drained = {tp for tp in self._full if tp.partition == partition and not task.full(tp.topic)}
        if drained:
            self._full -= drained
            self.resume_partitions(drained)
            self._room.set()

    async def _until_room(self) -> None:
        """Everything is full: wait for a task to make room, where Faust would sleep a whole second."""
        self._room.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._room.wait(), IDLE_S)

    def _token(self, partition: int) -> tuple[TP, ConsumerMessage]:
        tp = TP(self.app.millrace.binding.topics[-1], partition)
        number = next(self._numbers)
        generation = self.app.consumer_generation_id
        return tp, ConsumerMessage(
            topic=tp.topic,
            partition=partition,
            offset=number,
            timestamp=0.0,
            timestamp_type=0,
            headers=[],
            key=None,
            value=partition,  # type: ignore[arg-type]  # Faust says bytes and passes it through
            checksum=None,
            tp=tp,
            generation_id=generation,
        )


class Producer(driver.Producer):
    """Faust's own producer, which is never used: it does not even connect."""

    async def on_start(self) -> None:
        """Nothing to start: each task has a transactional producer of its own."""

    async def on_stop(self) -> None:
        """Nothing to stop."""

    async def flush(self) -> None:
        """Nothing to flush."""


class Transport(driver.Transport):
    """Registered under the URL scheme `millrace`."""

    Consumer = Consumer
    Producer = Producer

    default_port = 9092
    driver_version = f"millrace (aiokafka={aiokafka.__version__})"
