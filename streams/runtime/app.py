"""The Faust app of one stage: group membership, an agent per partition, health and metrics over HTTP."""

import asyncio
import logging
import os
import signal
import socket
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import faust
from faust.tables import TableManager
from faust.types import AppT, Message

from schemas.problem import Outage, Problem
from streams.runtime.asking import Asking
from streams.runtime.kafka import RealKafka
from streams.runtime.ledger import Signer
from streams.runtime.metrics import Metrics
from streams.runtime.owner import Owner
from streams.runtime.ownership import Ownership
from streams.runtime.pages import pages
from streams.runtime.regain import Regain
from streams.runtime.task import Binding
from streams.runtime.transport import Consumer
from streams.runtime.watchdog import Watchdog

LOOK_S = 1.0
END_S = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How to reach Kafka, in the words of both clients, as which member, and where to listen for health and metrics."""

    librdkafka: Mapping[str, object]
    aiokafka: Mapping[str, object]
    instance_id: str
    """Who comes back with the same one in time gets its partitions back at once."""
    web_host: str = "127.0.0.1"
    web_port: int = 0
    signer: Signer | None = None
    accept_divergence: bool = False

    @property
    def address(self) -> str:
        """Where other workers reach this one: by the host's name where it listens on all interfaces."""
        host = socket.gethostname() if self.web_host in ("0.0.0.0", "::") else self.web_host  # noqa: S104 (compared)
        return f"http://[{host}]:{self.web_port}" if ":" in host else f"http://{host}:{self.web_port}"

    def owner(self, binding: Binding) -> Owner:
        """Who takes the partitions of a stage, on this Kafka."""
        kafka = RealKafka(self.librdkafka)
        return Owner(binding=binding, kafka=kafka, signer=self.signer, accept=self.accept_divergence)


class Token(faust.Schema):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A token's value is the partition number; there is nothing to decode."""

    def loads_key(self, app: AppT, message: Message, **_: Any) -> None:
        """No key."""

    def loads_value(self, app: AppT, message: Message, **_: Any) -> Any:  # noqa: ARG002 (Faust's signature)
        """The value as it is."""
        return message.value


class NoTables(TableManager):
    """Faust's manager of tables, which are not used, without the second that it waits for them to be defined."""

    mundane_level = "debug"  # that it starts and stops

    async def on_start(self) -> None:
        """As Faust's, at once."""
        await self._update_channels()
        await self.recovery.start()


async def serve(pipeline: str, binding: Binding, connection: Connection) -> None:
    """Run one stage until SIGTERM or SIGINT; then commit what is under way and leave the group.

    Raises what a task failed with: `Problem`, `Fenced`, or a bug by its own name.
    """
    metrics = Metrics(pipeline, binding.version, binding.stage.name)
    ownership = Ownership(connection.owner(binding), metrics)
    watchdog = Watchdog()
    app = stage_app(binding, connection, ownership)
    pages(app, ownership, metrics, watchdog)
    asking = Asking(app, ownership, metrics)
    ownership.taken_over = regain = Regain(ownership, app.consumer, metrics)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await app.start()
        await asking.start()
        await _until(app, stop, ownership, watchdog)
    finally:
        end_within(END_S)
        regain.stop()
        if app.consumer.started and _for_good(stop, ownership.failed):
            app.consumer.leave_at_the_end()
        await asking.stop()
        await ownership.close()
        await app.stop()
    if ownership.failed.done():
        ownership.failed.result()


def end_within(seconds: float) -> None:
    """End this process then, whatever it waits for: nothing that is not committed is seen, and others wait for it."""

    def end() -> None:
        log.error("could not stop within %g s: a call of Kafka's client does not come back", seconds)
        os._exit(Outage.status)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


def _for_good(stop: asyncio.Event, failed: "asyncio.Future[None]") -> bool:
    """Whether this worker does not come back by itself, so that the others should not wait for it."""
    error = failed.exception() if failed.done() else None
    return stop.is_set() or (isinstance(error, Problem) and not isinstance(error, Outage))


async def _until(app: Any, stop: asyncio.Event, ownership: Ownership, watchdog: Watchdog) -> None:
    """Wait for the signal to stop, a failed task, or Faust's own end; look now and then that nothing stands still."""
    ends = [stop.wait(), app.wait_until_stopped(), _watch(watchdog, app.consumer, ownership)]
    waits = [asyncio.ensure_future(end) for end in ends]
    done, _ = await asyncio.wait([*waits, ownership.failed], return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    for error in filter(None, (each.exception() for each in done)):
        ownership.fail(error)
    if app.crashed:
        ownership.fail(app.crash_reason)


async def _watch(watchdog: Watchdog, consumer: Consumer, ownership: Ownership) -> NoReturn:
    while not watchdog.stuck():
        going = [task for task in ownership.tasks if task.partition not in ownership.stopped]
        watchdog.look(consumer.assigned() - ownership.stopped.keys(), going)
        await asyncio.sleep(LOOK_S)
    raise Outage("; ".join(watchdog.reasons))


def stage_app(binding: Binding, connection: Connection, ownership: Ownership) -> Any:
    """A Faust app that hands every token to the task of its partition."""
    app: Any = faust.App(
        binding.group,
        broker="millrace://",
        store="memory://",
        datadir=tempfile.gettempdir(),
        topic_allow_declare=False,
        topic_disable_leader=True,
        TableManager=NoTables,
        table_standby_replicas=0,
        stream_wait_empty=False,
        broker_request_timeout=86_400.0,
        web_enabled=True,
        web_bind=connection.web_host,
        web_port=connection.web_port,
        web_tables_enabled=False,
    )
    app.millrace = ownership
    app.millrace_kafka = dict(connection.aiokafka)
    app.millrace_address = connection.address if binding.asked is not None else ""
    app.millrace_instance = connection.instance_id
    tokens = app.topic(*binding.topics, schema=Token(), acks=False)

    async def fold(stream: Any) -> None:
        async for partition in stream:
            await ownership.step(partition)

    ownership.made_room = lambda partition: app.consumer.resume_drained(partition)
    app.agent(tokens, name=binding.stage.name, isolated_partitions=True)(fold)
    return app
