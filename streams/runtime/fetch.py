"""Fetching: aiokafka in a thread of its own, read_committed, with the position said beside every run of records."""

from collections.abc import Mapping
from typing import Any

import aiokafka
from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.runtime.assignor import ByNumber
from streams.runtime.raw import Run

FETCH_WAIT_MS = 500
FETCH_BYTES = 1 << 20
SESSION_TIMEOUT_MS = 10_000
NEVER_MS = 2**31 - 1


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka in its own thread: read_committed, no silent reset, positions said with every run."""

    app: Any

    def _create_worker_consumer(self, transport: "driver.Transport") -> aiokafka.AIOKafkaConsumer:  # noqa: ARG002
        conf = self.app.conf
        return aiokafka.AIOKafkaConsumer(
            group_id=conf.id,
            client_id=conf.broker_client_id,
            partition_assignment_strategy=[ByNumber],
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
