"""The same token twice gives one set of rows, in the table and behind its views."""

from collections.abc import Sequence

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

WINDOW = "SETTINGS non_replicated_deduplication_window = 10000"
NAMES, TYPES = ["id", "name"], ["UInt64", "LowCardinality(String)"]
ROWS = [[n, f"name {n % 3}"] for n in range(3000)]


@pytest.fixture
def table(client: Client) -> str:
    client.command(f"CREATE TABLE t (id UInt64, name LowCardinality(String)) ENGINE = MergeTree ORDER BY id {WINDOW}")
    return "t"


@pytest.fixture
def view(client: Client, table: str) -> str:
    client.command(f"CREATE TABLE per_name (name String, n UInt64) ENGINE = SummingMergeTree ORDER BY name {WINDOW}")
    client.command(f"CREATE MATERIALIZED VIEW v TO per_name AS SELECT name, count() AS n FROM {table} GROUP BY name")
    return "per_name"


def insert(client: Client, rows: Sequence[Sequence[object]], token: str) -> None:
    settings = {"insert_deduplication_token": token, "async_insert": "0"}
    client.insert("t", rows, column_names=NAMES, column_type_names=TYPES, settings=settings)


def test_a_repeated_token_inserts_once(client: Client, table: str) -> None:
    for token in ("a", "a", "b", "b", "a"):
        insert(client, ROWS, token)

    assert client.command(f"SELECT count() FROM {table}") == 2 * len(ROWS)


def test_a_repeated_token_counts_once_behind_a_view(client: Client, view: str) -> None:
    for token in ("a", "a", "b", "b", "a"):
        insert(client, ROWS, token)

    assert client.command(f"SELECT sum(n) FROM {view}") == 2 * len(ROWS)
    assert client.command("SELECT count() FROM t") == 2 * len(ROWS)


@pytest.mark.parametrize("async_insert", ["0", "1"])
def test_a_token_holds_for_another_client_too(
    client: Client, url: str, database: str, view: str, async_insert: str
) -> None:
    insert(client, ROWS, "a")
    with clickhouse_connect.get_client(dsn=url, database=database, compress="zstd") as other:
        other.set_client_setting("async_insert", async_insert)
        insert(other, ROWS, "a")

    assert client.command(f"SELECT sum(n), (SELECT count() FROM t) FROM {view}") == ["3000", "3000"]


def test_a_token_does_not_stay_with_the_session(client: Client, table: str) -> None:
    insert(client, ROWS, "a")
    client.insert(table, [[1, "other"]], column_names=NAMES, column_type_names=TYPES)
    client.insert(table, [[2, "another"]], column_names=NAMES, column_type_names=TYPES)

    assert client.command(f"SELECT count() FROM {table}") == len(ROWS) + 2


def test_a_token_names_an_insert_whatever_its_pieces(client: Client, view: str) -> None:
    """A retry of a large insert is the same blocks again: still one token, one set of rows."""
    rows = [[n, f"name {n % 3}"] for n in range(150_000)]
    insert(client, rows, "a")
    insert(client, rows, "a")

    assert client.command(f"SELECT sum(n), (SELECT count() FROM t) FROM {view}") == ["150000", "150000"]
