"""The thread that fetches, and how it ends."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

from streams.runtime.fetch import ConsumerThread


class Crashing(ConsumerThread):
    """Fetches nothing, and stops when it crashes: what a worker does to its threads when it goes down."""

    async def on_start(self) -> None:
        pass


def test_a_thread_that_went_down_first_stops_as_any_other() -> None:
    async def crash_and_stop() -> tuple[bool, bool]:
        conf = SimpleNamespace(
            producer_partitioner=None, stream_processing_timeout=1.0, broker_commit_livelock_soft_timeout=1.0
        )
        consumer = SimpleNamespace(transport=SimpleNamespace(), RebalanceListener=lambda _: None)
        consumer.app = consumer.transport.app = SimpleNamespace(conf=conf)
        thread = Crashing(cast(Any, consumer), loop=asyncio.get_running_loop())
        await thread.start()
        thread.thread_loop.call_soon_threadsafe(thread._crash, RuntimeError("the worker goes down"))
        assert thread._thread is not None
        await asyncio.to_thread(thread._thread.join)
        closed = thread.thread_loop.is_closed()
        await thread.stop()
        return closed, thread._stopped.is_set()

    assert asyncio.run(crash_and_stop()) == (True, True)
