"""One embedded ClickHouse for the tests of this folder; each test works in a database of its own."""

import itertools
from collections.abc import Iterator, Mapping
from urllib.parse import urlencode

import clickhouse_connect
import pytest
import urllib3
from clickhouse_connect.driver.client import Client

from infra.embedded.clickhouse import start_clickhouse
from tests.infra.clickhouse.ask import Ask

_numbers = itertools.count()


@pytest.fixture(scope="session")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = start_clickhouse(tmp_path_factory.mktemp("clickhouse") / "it's here")
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture
def database(url: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with clickhouse_connect.get_client(dsn=url) as client:
        client.command(f"CREATE DATABASE {name}")
        yield name
        client.command(f"DROP DATABASE {name}")


@pytest.fixture
def client(url: str, database: str) -> Iterator[Client]:
    with clickhouse_connect.get_client(dsn=url, database=database) as client:
        yield client


@pytest.fixture(scope="session")
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(timeout=urllib3.Timeout(30)) as pool:
        yield pool


@pytest.fixture
def ask(http: urllib3.PoolManager, url: str, database: str) -> Ask:
    def request(
        body: str | bytes = "", *, method: str = "POST", headers: Mapping[str, str] = {}, **params: str
    ) -> urllib3.BaseHTTPResponse:
        address = f"{url}/?{urlencode({'database': database, **params})}"
        return http.request(method, address, body=body or None, headers=dict(headers))

    return request
