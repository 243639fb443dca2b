"""Two sinks and a ClickHouse of their own are killed at drawn moments while records flow: each has its row once."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

import clickhouse_connect
import psutil
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error

from infra.settings import Settings, clickhouse
from schemas.message import Message
from schemas.topics import Topics
from tests.integration.fleet import Fleet, Store, fleet, tended
from tests.integration.harness import PIPELINES, of_its_own
from tests.integration.outputs import Outputs, metric, outcome, scored
from tests.servers import Servers

pytestmark = pytest.mark.servers

TILL = f"{PIPELINES / 'till.py'}:till"
TABLES = ("scored", "outcomes", "metrics")
SINKS = 2
KILLS = 3
FROZEN_S = 12.0
"""Past the session of a sink."""

AT_ONCE = 60
WITHIN_S = 120.0


class Flow:
    """Writes transactions to a pipeline's topics, one in ten of them aborted; counts what it has committed."""

    def __init__(self, settings: Settings, topics: Topics, random: Random) -> None:
        self._outputs, self._random = Outputs(settings, topics), random
        self.written = dict.fromkeys(TABLES, 0)

    def __call__(self) -> None:
        aborted = self._random.random() < 0.1
        number = self.written["scored"]
        batch: dict[str, list[Message]] = {
            "scored": [scored(number + n) for n in range(AT_ONCE)],
            "outcomes": [outcome(number + n) for n in range(AT_ONCE // 3)],
            "metrics": [metric(revision=number)],
        }
        with self._outputs.transaction(aborted=aborted):
            for messages in batch.values():
                self._outputs.write(messages)
        if not aborted:
            for table, messages in batch.items():
                self.written[table] += len(messages)


class Tables:
    """What ClickHouse holds; nothing while it is away or the tables are not there yet."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def rows(self) -> int:
        return sum(count for count, _ in self.counts().values())

    def counts(self) -> dict[str, tuple[int, int]]:
        """Table -> rows, and different positions among them."""
        query = "SELECT count(), uniqExact(topic, partition, offset) FROM {}"
        try:
            with self._client() as client:
                return {table: tuple(client.query(query.format(table)).result_rows[0]) for table in TABLES}
        except Error:
            return {}

    def rolled_up(self) -> dict[str, int]:
        """What the roll-ups have counted of the tables that have one."""
        with self._client() as client:
            (row,) = client.query(
                "SELECT (SELECT sum(scored) FROM scored_by_minute), (SELECT sum(labelled) FROM outcomes_by_hour)"
            ).result_rows
        return {"scored": row[0], "outcomes": row[1]}

    @contextmanager
    def _client(self) -> Iterator[Client]:
        with clickhouse_connect.get_client(**clickhouse(self._settings), autogenerate_session_id=False) as client:
            yield client


@pytest.mark.timeout(600)
def test_sinks_and_clickhouse_that_are_killed_write_every_record_once(
    servers: Servers, prefix: str, tmp_path: Path
) -> None:
    random = Random(4)
    with closing(Store(tmp_path / "clickhouse")) as store:
        own = Servers(
            kafka_bootstrap=servers.kafka_bootstrap, registry_url=servers.registry_url, clickhouse_url=store.url
        )
        with of_its_own(own, prefix) as settings:
            flow = Flow(settings, Topics(pipeline="till", prefix=prefix), random)
            tables = Tables(settings)
            with fleet("sink", ["sink", TILL, "--interval-s", "0.1"], SINKS, settings, tmp_path) as sinks:
                blows: list[Callable[[], object]] = [
                    *[lambda: _strike(random, sinks, signal.SIGKILL, flow)] * KILLS,
                    lambda: _freeze(random, sinks, flow),
                    store.restart,
                ]
                random.shuffle(blows)
                for blow in blows:
                    _go_on(tables, sinks, flow, random)
                    blow()
                expected = {table: (count, count) for table, count in flow.written.items()}
                tended("all is written", lambda: tables.counts() == expected, [sinks], within_s=WITHIN_S)

            assert sinks.started == SINKS + KILLS
            assert tables.rolled_up() == {table: flow.written[table] for table in ("scored", "outcomes")}


def _go_on(tables: Tables, sinks: Fleet, flow: Flow, random: Random) -> None:
    """Write until some of it has arrived, and a drawn moment longer."""
    before = tables.rows()
    _flow(lambda: tables.rows() > before, sinks, flow)
    until = time.monotonic() + random.random()
    _flow(lambda: time.monotonic() > until, sinks, flow)


def _flow(holds: Callable[[], bool], sinks: Fleet, flow: Flow) -> None:
    def held() -> bool:
        flow()
        return holds()

    tended("records arrive", held, [sinks], within_s=WITHIN_S)


def _strike(random: Random, sinks: Fleet, number: signal.Signals, flow: Flow) -> psutil.Process:
    """Send a signal to a drawn sink, which has to run for that."""
    struck: list[psutil.Process] = []

    def sent() -> bool:
        process = sinks.send(random.randrange(SINKS), number)
        struck.extend([process] if process is not None else [])
        return process is not None

    _flow(sent, sinks, flow)
    return struck[0]


def _freeze(random: Random, sinks: Fleet, flow: Flow) -> None:
    """A sink that sleeps until the other has taken its partitions, and then goes on as if nothing had happened."""
    frozen = _strike(random, sinks, signal.SIGSTOP, flow)
    until = time.monotonic() + FROZEN_S
    _flow(lambda: time.monotonic() > until, sinks, flow)
    frozen.send_signal(signal.SIGCONT)
