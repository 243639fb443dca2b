"""The servers as settings, with a ClickHouse database of each test's own, and one whole run that many tests look at."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import clickhouse_connect
import pytest

from infra.migrate import create_database
from infra.settings import Settings, clickhouse
from tests.integration import shop as whole
from tests.servers import Servers


@pytest.fixture
def settings(servers: Servers, prefix: str) -> Iterator[Settings]:
    """Every server, an empty database and a topic prefix of this test alone."""
    with of_its_own(servers, prefix) as found:
        yield found


@pytest.fixture(scope="session")
def shop(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[whole.Shop]:
    """A pipeline that has scored, watched and written a poisoned stream; look at it, change nothing."""
    with of_its_own(servers, f"t-{uuid.uuid4().hex[:8]}-") as found:
        yield whole.run(found, tmp_path_factory.mktemp("shop"))


@contextmanager
def of_its_own(servers: Servers, prefix: str) -> Iterator[Settings]:
    """Settings with this prefix and a database that goes at the end."""
    found = Settings(
        kafka_bootstrap=servers.kafka_bootstrap,
        schema_registry_url=servers.registry_url,
        clickhouse_url=servers.clickhouse_url,
        clickhouse_database=prefix.replace("-", "_") + "db",
        topic_prefix=prefix,
    )
    create_database(found)
    yield found
    with clickhouse_connect.get_client(**clickhouse(found)) as client:
        client.command(f"DROP DATABASE {found.clickhouse_database}")
