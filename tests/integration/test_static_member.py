"""A static member against a real coordinator: away without a rebalance, gone with one, replaced and told so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiokafka
import pytest
from confluent_kafka.admin import AdminClient

from infra.topics import TopicSpec, ensure
from streams.runtime.assignor import by_number
from streams.runtime.membership import Membership
from tests.servers import Servers

pytestmark = pytest.mark.servers

WITHIN_S = 20.0
SESSION_S = 30.0
"""Longer than a test waits: what happens earlier does not happen for a time-out."""


class Worker:
    """A consumer as a worker has it."""

    def __init__(self, consumer: Any, instance_id: str) -> None:
        self._consumer = consumer
        self.fenced = asyncio.Event()
        self.membership = Membership(consumer._coordinator, instance_id, self.fenced.set)

    @property
    def generation(self) -> int:
        return int(self._consumer._coordinator.generation)

    async def owns(self, *numbers: int) -> None:
        """Return when it has exactly these partitions."""
        async with asyncio.timeout(WITHIN_S):
            while {tp.partition for tp in self._consumer.assignment()} != set(numbers):
                await asyncio.sleep(0.02)


class Group:
    """A group of its own on a topic of its own with two partitions."""

    def __init__(self, servers: Servers, prefix: str) -> None:
        self._servers, self._topic = servers, f"{prefix}events"
        admin = AdminClient({"bootstrap.servers": servers.kafka_bootstrap})
        ensure(admin, [TopicSpec(name=self._topic, partitions=2)])

    @asynccontextmanager
    async def worker(self, instance_id: str) -> AsyncIterator[Worker]:
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=self._servers.kafka_bootstrap,
            group_id=self._topic,
            group_instance_id=instance_id,
            partition_assignment_strategy=[by_number("")],
            enable_auto_commit=False,
            session_timeout_ms=int(SESSION_S * 1000),
            heartbeat_interval_ms=100,
        )
        await consumer.start()
        try:
            worker = Worker(consumer, instance_id)
            consumer.subscribe([self._topic])
            yield worker
        finally:
            await consumer.stop()


@pytest.fixture
def group(servers: Servers, prefix: str) -> Group:
    return Group(servers, prefix)


def test_who_comes_back_has_its_partitions_at_once_and_the_others_notice_nothing(group: Group) -> None:
    async def run() -> None:
        async with group.worker("a") as a:
            await a.owns(0, 1)
            async with group.worker("b") as b:
                await asyncio.gather(a.owns(0), b.owns(1))
                generation = a.generation
            async with group.worker("b") as again:
                await again.owns(1)
                await a.owns(0)

                assert (a.generation, again.generation) == (generation, generation)
                assert await again.membership.holds()

    asyncio.run(run())


def test_who_leaves_for_good_is_not_waited_for(group: Group) -> None:
    async def run() -> None:
        async with group.worker("a") as a:
            async with group.worker("b") as b:
                await asyncio.gather(a.owns(0), b.owns(1))
                b.membership.leaving = True
            await a.owns(0, 1)

    asyncio.run(run())


def test_who_is_replaced_is_told_so(group: Group) -> None:
    async def run() -> None:
        async with group.worker("a") as first:
            await first.owns(0, 1)
            async with group.worker("a") as second:
                await second.owns(0, 1)
                await asyncio.wait_for(first.fenced.wait(), WITHIN_S)

                assert not await first.membership.holds()
                assert await second.membership.holds()
                assert not second.fenced.is_set()

    asyncio.run(run())
