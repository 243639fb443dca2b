"""What is done when a partition was taken over while the group still gives it to this worker: own it again, later."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from typing import Protocol

from aiokafka.errors import IllegalStateError

from streams.runtime.metrics import Metrics
from streams.runtime.ownership import Ownership
from streams.runtime.ports import Fenced

log = logging.getLogger(__name__)

WAITS_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Before each time: the group's session time-out is over before the last."""

FORGOTTEN_S = 300.0
"""So long after it was taken over, it does not count any more."""


class Member(Protocol):
    """What is asked of the consumer."""

    def assigned(self) -> set[int]:
        """The partitions that the group gives to us; none while it moves them."""

    def holds(self) -> Awaitable[bool]:
        """Whether the group says that it still does."""

    def seek_to_committed(self) -> Awaitable[object]:
        """Own what is assigned and has no task."""


class Regain:
    """Called with a partition that was taken over. Who loses the same one too often stops with that, so that two
    workers which both take it for theirs come to an end that is seen."""

    def __init__(
        self, ownership: Ownership, member: Member, metrics: Metrics, waits_s: Sequence[float] = WAITS_S
    ) -> None:
        self._ownership = ownership
        self._member = member
        self._metrics = metrics
        self._waits_s = waits_s
        self._lost_s: defaultdict[int, list[float]] = defaultdict(list)
        self._under_way: dict[int, asyncio.Task[None]] = {}

    def __call__(self, partition: int, fenced: Fenced) -> None:
        """Own the partition again after a while, unless the group gives it to another by then."""
        self._metrics.fenced()
        now_s = asyncio.get_running_loop().time()
        lost_s = self._lost_s[partition] = [at for at in self._lost_s[partition] if now_s - at < FORGOTTEN_S]
        if len(lost_s) == len(self._waits_s):
            self._ownership.fail(fenced)
            return
        wait_s = self._waits_s[len(lost_s)]
        lost_s.append(now_s)
        log.warning("partition %d was taken over (%s): to be owned again in %g s", partition, fenced, wait_s)
        self._under_way[partition] = asyncio.create_task(self._own_again(partition, wait_s))

    def stop(self) -> None:
        """Own nothing any more."""
        for task in self._under_way.values():
            task.cancel()

    async def _own_again(self, partition: int, wait_s: float) -> None:
        try:
            while True:
                await asyncio.sleep(wait_s)
                if partition not in self._member.assigned() or self._ownership.task(partition) is not None:
                    return  # another's, or ours by a rebalance in between
                if await self._member.holds():
                    break
            await self._member.seek_to_committed()
        except IllegalStateError:
            log.info("partition %d has moved while it was read again", partition)
        except Exception as error:  # noqa: BLE001 (not swallowed: `serve` raises it)
            self._ownership.fail(error)
