"""A static member of a consumer group: when it leaves, and what it does when it is replaced; aiokafka knows neither."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import KafkaError
from aiokafka.protocol.group import HeartbeatRequest

from streams.runtime.static import Heartbeat, Leave

NO_ERROR = 0
FENCED = 82
"""FENCED_INSTANCE_ID, which aiokafka has no name for."""


class Membership:
    """The membership `instance_id` of a started consumer, on its thread.

    A worker that is started again in time gets its partitions back at once, so aiokafka never leaves with an instance
    id; who is `leaving` for good does. `fenced` is called where another process has joined with the same id.
    """

    def __init__(self, coordinator: GroupCoordinator, instance_id: str, fenced: Callable[[], None]) -> None:
        self.leaving = False
        self._coordinator = coordinator
        self._id = instance_id
        self._fenced = fenced
        self._send: Callable[[Any], Awaitable[Any]] = coordinator._send_req
        coordinator._send_req = self._send_as_member
        coordinator._maybe_leave_group = self._leave

    async def holds(self) -> bool:
        """Whether the coordinator still knows us in this generation, and does not move partitions just now."""
        try:
            answer = await self._send_as_member(self._heartbeat())
        except KafkaError:
            return False
        return bool(answer.error_code == NO_ERROR)

    async def _send_as_member(self, request: Any) -> Any:
        answer = await self._send(self._heartbeat() if isinstance(request, HeartbeatRequest) else request)
        if getattr(answer, "error_code", None) == FENCED:
            self._fenced()
        return answer

    def _heartbeat(self) -> Heartbeat:
        coordinator = self._coordinator
        return Heartbeat(coordinator.group_id, coordinator.generation, coordinator.member_id, self._id)

    async def _leave(self) -> None:
        """Let the others have our partitions now, where we do not come back. Unheard, the session time-out does."""
        coordinator = self._coordinator
        if self.leaving and coordinator.generation > 0:
            leave = Leave(coordinator.group_id, [(coordinator.member_id, self._id)])
            with suppress(KafkaError):
                await self._send(leave)
        coordinator.reset_generation()
