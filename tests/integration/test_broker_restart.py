"""The broker is killed under a running worker and comes back: the worker goes on, nothing is lost, nothing doubled."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.settings import Settings
from streams.load import load
from tests.integration.fleet import Broker
from tests.integration.harness import MILLRACE, PIPELINES, environment, of_its_own, wait_folded
from tests.integration.test_moving import PARTITIONS, verify
from tests.integration.test_restart import payments, written
from tests.servers import Servers

pytestmark = pytest.mark.servers

TILLS = f"{PIPELINES / 'till.py'}:tills"
EVENTS = 6_000
MIDDLE = 1_500


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A Kafka that may be killed; registry and ClickHouse are those of all tests."""
    with closing(Broker(tmp_path / "broker")) as running:
        yield running


@pytest.fixture
def settings(servers: Servers, broker: Broker, prefix: str) -> Iterator[Settings]:
    own = Servers(
        kafka_bootstrap=broker.bootstrap, registry_url=servers.registry_url, clickhouse_url=servers.clickhouse_url
    )
    with of_its_own(own, prefix) as found:
        yield found


def test_a_broker_that_is_killed_and_comes_back_loses_and_doubles_nothing(
    settings: Settings, broker: Broker, tmp_path: Path
) -> None:
    pipeline = load(TILLS)
    feed(pipeline, payments(0, EVENTS // 2), settings, partitions=PARTITIONS)
    command = [*MILLRACE, "worker", TILLS]
    log = tmp_path / "worker.log"
    with ServerProcess("millrace worker", command, log_path=log, env=environment(settings)) as running:
        wait_folded(settings, pipeline, running, at_least=MIDDLE)
        broker.restart()
        feed(pipeline, payments(EVENTS // 2, EVENTS), settings)
        wait_folded(settings, pipeline, running)
    found = written(settings, pipeline)["scored"]
    places = [(row["source_partition"], row["source_offset"]) for row in found]

    assert places == sorted(places)
    assert sorted(int(row["event_id"][1:]) for row in found) == list(range(EVENTS))
    verify(settings)
