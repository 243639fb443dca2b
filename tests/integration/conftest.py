"""The servers as settings, with a ClickHouse database of each test's own."""

from collections.abc import Iterator

import clickhouse_connect
import pytest

from infra.migrate import create_database
from infra.settings import Settings, clickhouse
from tests.servers import Servers


@pytest.fixture
def settings(servers: Servers, prefix: str) -> Iterator[Settings]:
    """Every server, an empty database and a topic prefix of this test alone."""
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
