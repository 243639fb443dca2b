"""Fetching: aiokafka in a thread of its own, read_committed, with the position said beside every run of records."""

from collections.abc import Mapping
from typing import Any

import aiokafka
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from schemas.problem import Problem
from streams.runtime.assignor import ByNumber, by_number
from streams.runtime.membership import Membership
from streams.runtime.raw import Run

FETCH_WAIT_MS = 500
FETCH_BYTES = 1 << 20
SESSION_TIMEOUT_MS = 10_000
NEVER_MS = 2**31 - 1


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka in its own thread: read_committed, no silent reset, positions said with every run."""

    app: Any
    mundane_level = "debug"  # that it starts and stops
    _membership: Membership
    _assignor: type[ByNumber] = ByNumber

    def _create_worker_consumer(self, transport: "driver.Transport") -> aiokafka.AIOKafkaConsumer:  # noqa: ARG002
        conf = self.app.conf
        self._assignor = by_number(self.app.millrace_address)
        return aiokafka.AIOKafkaConsumer(
            group_id=conf.id,
            group_instance_id=self.app.millrace_instance,
            client_id=conf.broker_client_id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="none",
            isolation_level="read_committed",
            fetch_max_wait_ms=FETCH_WAIT_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=SESSION_TIMEOUT_MS // 4,
            rebalance_timeout_ms=60_000,
            max_poll_interval_ms=NEVER_MS,
            metadata_max_age_ms=60_000,
            **self.app.millrace_kafka,
        )

    async def on_start(self) -> None:
        """Connect, as the static member that we are."""
        await super().on_start()
        coordinator = self._ensure_consumer()._coordinator
        self._membership = Membership(coordinator, self.app.millrace_instance, self._fenced)

    def _fenced(self) -> None:
        replaced = Problem(
            f"another process has joined as {self.app.millrace_instance}: give hosts different names, and the workers "
            f"of one host the same TMPDIR"
        )
        self.app.loop.call_soon_threadsafe(self.app.millrace.fail, replaced)

    async def holds(self) -> bool:
        """Whether the group says that what was assigned to us still is."""
        return bool(await self.call_thread(self._membership.holds))

    def address_of(self, partition: int) -> str | None:
        """Where the worker with this partition is asked; None where that is not known."""
        return self._assignor.address_of(partition)

    @property
    def moving(self) -> bool:
        """Whether the group moves partitions just now, or has not given any yet."""
        return bool(self._ensure_consumer()._subscription.reassignment_in_progress)

    def _stopped_set(self) -> None:
        """Stopped; also where the thread went down with the worker, and has closed its loop already."""
        try:
            super()._stopped_set()
        except RuntimeError:
            self._stopped.set()

    def leave_at_the_end(self) -> None:
        """Leave the group when this consumer stops, for the others to take over at once."""
        self._membership.leaving = True

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:  # noqa: ARG002 (offsets commit with the outputs)
        return True

    async def seek_all(self, positions: Mapping[TP, int]) -> None:
        """Fetch from these positions next."""
        await self.call_thread(self._seek_all, positions)

    async def _seek_all(self, positions: Mapping[TP, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, position in positions.items():
            consumer.seek(driver.ensure_aiokafka_TP(tp), position)

    async def _fetch_records(  # type: ignore[override]  # runs instead of lists of records
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> dict[TP, Run]:
        """One run per active partition, empty where nothing came: each says how far its input is known."""
        before = {tp: self._position(consumer, tp) for tp in active_partitions}
        fetched = await super()._fetch_records(consumer, active_partitions, timeout, max_records)
        runs = {}
        for tp, start in before.items():
            state = self._state(consumer, tp)
            if start is not None and state is not None:
                end = self._position(consumer, tp)
                records = fetched.get(driver.ensure_aiokafka_TP(tp), ())
                runs[tp] = Run(tp.topic, start, start if end is None else end, state.lso, records)
        return runs

    def _position(self, consumer: aiokafka.AIOKafkaConsumer, tp: TP) -> int | None:
        state = self._state(consumer, tp)
        return state.position if state is not None and state.has_valid_position else None

    def _state(self, consumer: aiokafka.AIOKafkaConsumer, tp: TP) -> Any:
        subscription = consumer._subscription.subscription
        if subscription is None or subscription.assignment is None:
            return None
        try:
            return subscription.assignment.state_value(driver.ensure_aiokafka_TP(tp))
        except (KeyError, IllegalStateError):
            return None
