"""Which worker of another stage has which partition: as the coordinator of its consumer group tells."""

import asyncio
from collections.abc import Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.errors import KafkaError

from streams.runtime.desk import WITHIN_S, Away


class Members:
    """The addresses of a group's members by partition: asked for once, and again after they were forgotten."""

    def __init__(self, group: str, kafka: Mapping[str, Any]) -> None:
        self._group = group
        self._kafka = kafka
        self._admin: AIOKafkaAdminClient | None = None
        self._known: asyncio.Task[Mapping[int, str]] | None = None

    async def address_of(self, partition: int) -> str:
        """Where the partition is asked. Raises `Away` where nobody has it, or Kafka does not say."""
        if self._known is None:
            self._known = asyncio.create_task(self._look())
        known = self._known
        try:
            address = (await asyncio.shield(known)).get(partition)
        except (KafkaError, TimeoutError) as error:
            self._forget(known)
            raise Away(f"Kafka does not say who has {self._group}") from error
        if address is None:
            self._forget(known)
            raise Away(f"nobody has partition {partition} of {self._group}")
        return address

    def forget(self, partition: int, address: str) -> None:
        """This one was wrong, unless it is known already that another is right."""
        known = self._known
        if known is not None and known.done() and known.result().get(partition) == address:
            self._forget(known)

    async def close(self) -> None:
        """Ask no more."""
        if self._known is not None:
            self._known.cancel()
        if self._admin is not None:
            await self._admin.close()

    def _forget(self, known: "asyncio.Task[Mapping[int, str]]") -> None:
        if self._known is known:
            self._known = None

    async def _look(self) -> Mapping[int, str]:
        async with asyncio.timeout(WITHIN_S):
            admin = await self._connected()
            (told,) = await admin.describe_consumer_groups([self._group])
        ((_, _, _, _, _, members, *_),) = told.groups
        return {p: address for member in members for p, address in _shares(member[3], member[4])}

    async def _connected(self) -> AIOKafkaAdminClient:
        if self._admin is None:
            admin = AIOKafkaAdminClient(**self._kafka)
            try:
                await admin.start()
            except BaseException:
                await admin.close()
                raise
            self._admin = admin
        return self._admin


def _shares(metadata: bytes, assignment: bytes) -> list[tuple[int, str]]:
    """The partitions of one member, each with its address; none while the group is forming."""
    if not metadata or not assignment:
        return []
    address = ConsumerProtocolMemberMetadata.decode(metadata).user_data.decode()
    topics = ConsumerProtocolMemberAssignment.decode(assignment).assignment
    return [(partition, address) for _, partitions in topics for partition in partitions] if address else []
