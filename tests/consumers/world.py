"""Sinks on servers in memory, and the law that they must keep: every record's row once, and once in the roll-up."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from functools import partial
from typing import Any

import pytest

from consumers.buffer import Limits
from consumers.clickhouse import ClickHouse
from consumers.metrics import SinkMetrics
from consumers.rows import Position, Raw, Row
from consumers.sink import Sink
from consumers.tables import OUTCOMES, REJECTED, SCORED, Table
from tests.consumers.fake_clickhouse import Client, Server
from tests.consumers.fake_kafka import Cluster, Member
from tests.consumers.fake_record import Place
from tests.consumers.process import Blow, Clock, Crash, Process, Stop

TABLES = {"scored": SCORED, "outcomes": OUTCOMES}
LIMITS = Limits(interval_s=1.0, rows=3)
LOGS: dict[Place, list[bool]] = {
    ("scored", 0): [True, True, False, True, True, True, False],
    ("scored", 1): [False, True, False],
    ("outcomes", 0): [True, True, True, False],
}
SHORT: dict[Place, list[bool]] = {("scored", 0): [True, False, True, True, True, True], ("outcomes", 0): [True, False]}
WINDOW = 16
ASKED_S = 0.6
BAD = 5
"""The record at every fifth offset is none of our messages: a row of `rejected`."""


class Inline(Executor):
    """Works at once, in the same thread."""

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args, **named))
        except Exception as error:  # noqa: BLE001  # as with every executor, the future raises it
            future.set_exception(error)
        return future


class Later(Executor):
    """Works in the same thread too, but only once it has been asked `asks` times whether it is done."""

    def __init__(self, asks: int = 5) -> None:
        self._asks = asks

    def submit(self, work: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        return Late(self._asks, partial(Inline().submit, work, *args, **named))


class Late(Future[Any]):
    """Done when it has been asked so often; each time takes a while."""

    def __init__(self, asks: int, work: Callable[[], Future[Any]]) -> None:
        super().__init__()
        self._work, self._asks = work, asks

    def done(self) -> bool:
        self._asks -= 1
        World.latest.clock.advance(ASKED_S)
        if self._asks == 0:
            finished = self._work()
            error = finished.exception()
            if error is None:
                self.set_result(finished.result())
            else:
                self.set_exception(error)
        return self._asks <= 0


def convert(at: Position, _: Raw) -> tuple[Table, Row]:
    """A row of as many values as matter."""
    table = REJECTED if at.offset % BAD == BAD - 1 else TABLES[at.topic]
    return table, (at.topic, at.partition, at.offset)


PIPELINE = ("payments", 1)


class World:
    """Servers that outlive the sinks."""

    latest: "World"

    def __init__(
        self,
        patched: pytest.MonkeyPatch,
        *,
        logs: dict[Place, list[bool]] | None = None,
        executor: Callable[[], Executor] = Inline,
    ) -> None:
        World.latest = self
        self.clock = Clock()
        self.cluster = Cluster(self.clock, {place: list(log) for place, log in (logs or LOGS).items()})
        self.server = Server(self.clock, window=WINDOW)
        self.metrics = SinkMetrics(*PIPELINE)
        self.ghost = Process()
        self.stop = Stop(self.clock)
        self._process = Process()
        patched.setattr("consumers.group.Consumer", lambda *_, **__: Member(self.cluster, self._process))
        patched.setattr(
            "consumers.clickhouse.clickhouse_connect.get_client", lambda **_: Client(self.server, self._process)
        )
        patched.setattr("consumers.clickhouse.WINDOW", WINDOW)
        patched.setattr("consumers.sink.ThreadPoolExecutor", lambda *_, **__: executor())
        patched.setattr("consumers.sink.time", self.clock)
        patched.setattr("consumers.insert.time", self.clock)

    def run(self, blow: Blow | None = None, *, limits: Limits = LIMITS) -> Process:
        """One life of a sink: until everything is written, or it is killed."""
        before, self._process = self._process, Process(blow=blow)
        living, stop = self._process, Stop(self.clock)
        self.stop = stop
        try:
            sink = Sink(
                {},
                "group",
                converters=dict.fromkeys(TABLES, convert),
                tables=TABLES,
                clickhouse=ClickHouse({}, stop=stop, metrics=self.metrics),
                metrics=self.metrics,
                limits=limits,
            )
            sink.run(stop, until=self.ends())
        except Crash:
            assert living.dead
        finally:
            self._process = before
        return living

    def tell_to_stop(self) -> None:
        """As Ctrl-C does to the life that runs now."""
        self.stop.set()

    def ends(self) -> dict[Place, int]:
        return {place: len(log) for place, log in self.cluster.logs.items()}

    def append(self, records: int) -> None:
        """More records on every partition, one transaction each."""
        for log in self.cluster.logs.values():
            log.extend([*[True] * records, False])

    def abort(self) -> None:
        """A marker on every partition, and no record."""
        for log in self.cluster.logs.values():
            log.append(False)

    def broken(self) -> list[str]:
        """What of the law does not hold now, once everything on its way has arrived."""
        self.clock.advance(1_000.0)
        self.server.settle()
        found: list[str] = []
        for name in {*self.server.tables, *TABLES}:
            table = self.server.table(name)
            wanted = Counter(key for key in self._keys() if convert(Position(*key, 0), RAW)[0].name == name)
            rows = Counter(key for key, _ in table.rows)
            found.extend(f"{name} lacks {key}" for key in (wanted - rows))
            found.extend(f"{name} has {key} too often" for key in (rows - wanted))
            if table.rolled_up != wanted.total():
                found.append(f"the roll-up of {name} counts {table.rolled_up} of {wanted.total()}")
        behind = {place: end for place, end in self.ends().items() if self.cluster.committed.get(place) != (end, "")}
        return found + [f"{place} is not committed up to {end}" for place, end in behind.items()]

    def _keys(self) -> Iterator[tuple[str, int, int]]:
        for (topic, partition), log in self.cluster.logs.items():
            yield from ((topic, partition, offset) for offset, there in enumerate(log) if there)


RAW = Raw(None, None, ())
