"""Requests that come by Kafka: read from the end of the partitions that are ours, each replied to at most once."""

import asyncio
import logging
from collections.abc import Mapping
from time import perf_counter
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from schemas.problem import Outage
from schemas.reject import HEADER_MESSAGE, HEADER_REASON, LONGEST, Reject
from schemas.reply import HEADER_REQUEST_ID
from streams.entrance import Unscored
from streams.runtime.asked import Door
from streams.runtime.codec import Headers, decode
from streams.runtime.desk import WAITING, Away, Busy, Unanswerable
from streams.runtime.enquiry import Enquiry
from streams.runtime.metrics import Metrics
from streams.runtime.ownership import Ownership
from streams.runtime.raw import Raw

LOOK_MS = 200
"""How often one looks which partitions are ours."""

AGAIN_S = 1.0

STATUS = {Reject: 422, Unscored: 409, Busy: 429, Unanswerable: 500}
"""How refusals are counted: as over HTTP."""

log = logging.getLogger(__name__)


class RequestTopic:
    """No group and no committed offsets: what comes while a partition moves has no reply, so ask again.

    A refusal is a reply without a value, whose headers give the reason, as those of rejected records do.
    """

    def __init__(
        self, door: Door, enquiry: Enquiry, ownership: Ownership, metrics: Metrics, kafka: Mapping[str, Any]
    ) -> None:
        self._door = door
        self._enquiry = enquiry
        self._ownership = ownership
        self._metrics = metrics
        self._consumer = AIOKafkaConsumer(
            **kafka, isolation_level="read_committed", auto_offset_reset="latest", max_poll_records=WAITING
        )
        self._producer = AIOKafkaProducer(**kafka, acks=1)
        self._followed: set[int] = set()
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and answer from now on."""
        await self._consumer.start()
        await self._producer.start()
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        """Answer no more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        await self._consumer.stop()
        await self._producer.stop()

    async def _read(self) -> None:
        """Whatever ends this but being cancelled stops the worker: nobody would answer any more."""
        while True:
            try:
                await self._follow({task.partition for task in self._ownership.tasks})
                if not self._followed:
                    await asyncio.sleep(LOOK_MS / 1_000)
                    continue
                fetched = await self._consumer.getmany(timeout_ms=LOOK_MS)
                await asyncio.gather(*(self._reply(raw) for records in fetched.values() for raw in records))
            except KafkaError as error:
                if not error.retriable:
                    self._ownership.fail(error)
                    raise
                log.warning("score requests: %s", error)
                await asyncio.sleep(AGAIN_S)
            except Exception as error:
                self._ownership.fail(error)
                raise

    async def _follow(self, partitions: set[int]) -> None:
        """Read these partitions: those that are new from their end, the others from where they are."""
        if partitions == self._followed:
            return
        held = {place.partition for place in self._consumer.assignment()}
        kept = {p: await self._consumer.position(self._place(p)) for p in partitions & self._followed & held}
        self._consumer.assign([self._place(p) for p in partitions])
        for partition, position in kept.items():
            self._consumer.seek(self._place(partition), position)
        new = [self._place(p) for p in partitions - kept.keys()]
        if new:
            await self._consumer.seek_to_end(*new)
        self._followed = partitions

    def _place(self, partition: int) -> TopicPartition:
        return TopicPartition(self._door.requests.topic, partition)

    async def _reply(self, raw: Raw) -> None:
        """Answer one request."""
        began_s, request_id = perf_counter(), dict(raw.headers).get(HEADER_REQUEST_ID)
        named = [(HEADER_REQUEST_ID, request_id)] if request_id is not None else []
        status, value = 200, None
        try:
            value = await self._answer(raw, request_id)
        except (Away, Outage):
            self._metrics.requested(503, perf_counter() - began_s)
            return  # whoever has the partition next may reply
        except (Reject, Unscored, Busy, Unanswerable) as refused:
            status = STATUS[type(refused)]
            named += _why(refused)
        try:
            await self._producer.send_and_wait(
                self._door.replies, value, key=raw.key or b"", partition=raw.partition, headers=named
            )
        except MessageSizeTooLargeError:
            log.warning("the reply to %s@%d is too large to be sent", self._door.requests.topic, raw.offset)
        self._metrics.requested(status, perf_counter() - began_s)

    async def _answer(self, raw: Raw, request_id: bytes | None) -> bytes:
        """The value of the reply. Raises what the request is refused with."""
        event = decode(self._door.requests, raw, self._ownership.binding.partitions).value
        if isinstance(event, Reject):
            raise event
        name = None if request_id is None else request_id.decode(errors="replace")
        reply = await self._enquiry.of_event(raw.partition, event, raw.timestamp, name)
        return self._door.encode(reply.__dict__)


def _why(refused: Exception) -> Headers:
    reason = getattr(refused, "reason", type(refused).__name__.lower())
    message = getattr(refused, "message", str(refused))
    return [(HEADER_REASON, reason.encode()), (HEADER_MESSAGE, message[:LONGEST].encode())]
