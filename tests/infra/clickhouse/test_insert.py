"""Inserts by the stock client and by raw HTTP: formats, encodings, types, one block each."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import clickhouse_connect
import pandas as pd
import pyarrow as pa
import pytest
import urllib3
from clickhouse_connect.driver.client import Client

from tests.infra.clickhouse.ask import Ask

TYPES = {
    "id": "UInt64",
    "at": "DateTime64(3, 'UTC')",
    "features": "Array(Float64)",
    "tags": "Map(String, Float64)",
    "name": "LowCardinality(String)",
    "label": "Nullable(Float64)",
    "amount": "Decimal(18, 4)",
    "key": "UUID",
    "blob": "String",
}
ROW = [
    7,
    datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC),
    [0.1, -2.5e300, 3.0],
    {"a": 1.5, "b": -0.0},
    "north",
    None,
    Decimal("12345678901234.5678"),
    UUID("00112233-4455-6677-8899-aabbccddeeff"),
    "naïve \t\n'\"\\",
]


@pytest.fixture
def table(client: Client) -> str:
    columns = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
    client.command(f"CREATE TABLE t ({columns}, loaded DateTime DEFAULT now()) ENGINE = MergeTree ORDER BY id")
    return "t"


def blocks(client: Client, table: str) -> list[int]:
    """The rows of each part that an insert has made; one insert of one block makes one."""
    where = "database = currentDatabase() AND table = {t:String} AND level = 0 ORDER BY rows"
    found = client.query(f"SELECT rows FROM system.parts WHERE {where}", parameters={"t": table})
    return [int(rows) for (rows,) in found.result_rows]


@pytest.mark.parametrize("named", [True, False])
def test_every_type_goes_in_and_comes_out_exactly(client: Client, table: str, named: bool) -> None:
    names = list(TYPES.values()) if named else None
    summary = client.insert(table, [ROW, ROW], column_names=list(TYPES), column_type_names=names)

    back = client.query(f"SELECT * EXCEPT loaded FROM {table}", tz_mode="aware")

    assert back.result_rows == [tuple(ROW), tuple(ROW)]
    assert summary.written_rows == 2
    assert client.command(f"SELECT min(loaded) > now() - 3600 FROM {table}") == 1


def test_columns_are_inserted_as_rows_are(client: Client, table: str) -> None:
    columns = [[value] * 3 for value in ROW]

    client.insert(
        table, columns, column_names=list(TYPES), column_type_names=list(TYPES.values()), column_oriented=True
    )

    assert client.query(f"SELECT * EXCEPT loaded FROM {table}", tz_mode="aware").result_rows == [tuple(ROW)] * 3


@pytest.mark.parametrize("compress", ["lz4", "zstd", "gzip", False])
def test_a_large_insert_of_many_pieces_is_one_block(
    url: str, database: str, client: Client, compress: str | bool
) -> None:
    client.command("CREATE TABLE big (a UInt64, f Array(Float64)) ENGINE = MergeTree ORDER BY a")
    with clickhouse_connect.get_client(dsn=url, database=database, compress=compress) as writer:
        rows: list[list[object]] = [list(range(40_000)), [[0.5] * 20] * 40_000]
        types = ["UInt64", "Array(Float64)"]
        writer.insert("big", rows, column_names=["a", "f"], column_type_names=types, column_oriented=True)

    assert blocks(client, "big") == [40_000]


def test_arrow_tables_and_frames_are_inserted(client: Client) -> None:
    client.command("CREATE TABLE a (n UInt64, s String) ENGINE = MergeTree ORDER BY n")

    client.insert_arrow("a", pa.table({"n": pa.array([1, 2], pa.uint64()), "s": ["x", "y"]}))
    client.insert_df("a", pd.DataFrame({"n": [3], "s": ["z"]}))

    assert client.query("SELECT * FROM a ORDER BY n").result_rows == [(1, "x"), (2, "y"), (3, "z")]


SAMPLE = "SELECT number AS n, toString(number) AS s, toDateTime64(number, 3, 'UTC') AS at FROM numbers(1000)"


@pytest.mark.parametrize(
    "name",
    ["Native", "Parquet", "Arrow", "ArrowStream", "JSONEachRow", "CSV", "CSVWithNames", "TSV", "RowBinary", "Values"],
)
@pytest.mark.parametrize("inline", [True, False])
def test_every_format_goes_in_by_url_and_inline(ask: Ask, client: Client, name: str, inline: bool) -> None:
    client.command(
        "CREATE TABLE f (n UInt64, s String, at DateTime64(3, 'UTC'), d UInt8 DEFAULT 9) ENGINE = MergeTree ORDER BY n"
    )
    data = ask(SAMPLE, default_format=name).data
    query = f"INSERT INTO f (n, s, at) FORMAT {name}"

    answer = ask(query.encode() + b"\n" + data) if inline else ask(data, query=query)

    assert answer.status == 200, answer.data
    assert answer.data == b""
    assert '"written_rows":"1000"' in answer.headers["X-ClickHouse-Summary"]
    found = client.query("SELECT count(), sum(n), sum(toUInt64(s)), sum(d), toUnixTimestamp(max(at)) FROM f").first_row
    assert found == (1000, 499_500, 499_500, 9000, 999)
    assert blocks(client, "f") == [1000]


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "lz4"])
def test_a_body_may_be_compressed(ask: Ask, client: Client, encoding: str) -> None:
    client.command("CREATE TABLE f (n UInt64, s String) ENGINE = MergeTree ORDER BY n")
    text = b"".join(b"%d\tname %d\n" % (n, n) for n in range(200_000))
    body = pa.BufferOutputStream()
    with pa.CompressedOutputStream(body, encoding) as compressor:
        compressor.write(text)

    answer = ask(body.getvalue().to_pybytes(), query="INSERT INTO f FORMAT TSV", headers={"Content-Encoding": encoding})

    assert answer.status == 200, answer.data
    assert client.command("SELECT count(), uniqExact(s) FROM f") == ["200000", "200000"]


def test_a_chunked_body_is_taken(http: urllib3.PoolManager, url: str, database: str, client: Client) -> None:
    client.command("CREATE TABLE f (n UInt64) ENGINE = MergeTree ORDER BY n")
    address = f"{url}/?database={database}&query=INSERT%20INTO%20f%20FORMAT%20TSV"

    answer = http.request("POST", address, body=(b"%d\n" % n for n in range(1000)))

    assert answer.status == 200
    assert client.command("SELECT sum(n) FROM f") == 499_500


def test_a_row_that_cannot_be_read_leaves_the_table_empty(ask: Ask, client: Client) -> None:
    client.command("CREATE TABLE f (n UInt64) ENGINE = MergeTree ORDER BY n")

    answer = ask("1\n2\nthree\n", query="INSERT INTO f FORMAT TSV")

    assert answer.status == 400
    assert answer.headers["X-ClickHouse-Exception-Code"] == "27"
    assert client.command("SELECT count() FROM f") == 0


def test_values_may_be_expressions_and_end_with_a_semicolon(ask: Ask, client: Client) -> None:
    client.command("CREATE TABLE f (n UInt64, s String) ENGINE = MergeTree ORDER BY n")

    assert ask("INSERT INTO f VALUES (1 + 1, concat('a', ';', 'b')), (3, 'it\\'s');").status == 200
    assert client.query("SELECT * FROM f ORDER BY n").result_rows == [(2, "a;b"), (3, "it's")]


def test_rows_never_run_as_statements(ask: Ask, client: Client) -> None:
    client.command("CREATE TABLE f (n UInt64) ENGINE = MergeTree ORDER BY n")

    ask("INSERT INTO f VALUES (1); DROP TABLE f")

    assert client.command("EXISTS TABLE f") == 1


def test_an_insert_may_name_its_table_by_parameter_and_its_settings(ask: Ask, client: Client) -> None:
    client.command("CREATE TABLE f (n UInt64) ENGINE = MergeTree ORDER BY n")
    body = "INSERT INTO {table:Identifier} SETTINGS async_insert = 0 FORMAT TSV\n5\n"

    answer = ask(body, param_table="f")

    assert answer.status == 200, answer.data
    assert client.command("SELECT n FROM f") == 5


def test_insert_select_goes_its_own_way(client: Client) -> None:
    client.command("CREATE TABLE f (n UInt64) ENGINE = MergeTree ORDER BY n")
    client.command("INSERT INTO f SELECT number FROM numbers(10)")

    assert client.command("SELECT count() FROM f") == 10
