"""Queries with the stock client and raw HTTP: formats, bindings, streams, compression, headers."""

import io
import json
import shutil
import subprocess
import time
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import urllib3
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError
from clickhouse_connect.driver.external import ExternalData

from tests.infra.clickhouse.ask import Ask


def test_ping_and_the_bare_path_answer_ok(http: urllib3.PoolManager, url: str) -> None:
    assert http.request("GET", f"{url}/ping").data == b"Ok.\n"
    assert http.request("GET", url).data == b"Ok.\n"


def test_an_unknown_path_is_not_found(http: urllib3.PoolManager, url: str) -> None:
    answer = http.request("GET", f"{url}/nowhere")

    assert answer.status == 404
    assert b"There is no handle /nowhere" in answer.data


def test_curl_asks_by_url_and_by_body(url: str) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")

    def run(*args: str) -> str:
        return subprocess.run([curl, "-sS", *args], capture_output=True, text=True, check=True, timeout=30).stdout

    assert run(f"{url}/?query=SELECT%201") == "1\n"
    assert run(url, "-d", "SELECT 'one + one', 2") == "one + one\t2\n"
    assert run("--compressed", f"{url}/?default_format=CSV", "-d", "SELECT 'a', 2") == '"a",2\n'


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("TSV", b"0\ta\n1\ta\n"),
        ("CSV", b'0,"a"\n1,"a"\n'),
        ("JSONEachRow", b'{"n":"0","s":"a"}\n{"n":"1","s":"a"}\n'),
        ("RowBinary", b"\0" * 8 + b"\1a" + b"\1" + b"\0" * 7 + b"\1a"),
    ],
)
def test_a_format_can_be_asked_for_in_three_ways(ask: Ask, name: str, expected: bytes) -> None:
    query = (
        "SELECT number AS n, 'a' AS s FROM numbers(2) ORDER BY n SETTINGS output_format_json_quote_64bit_integers = 1"
    )

    by_clause = ask(f"{query} FORMAT {name}")
    by_parameter = ask(query, default_format=name)
    by_header = ask(query, headers={"X-ClickHouse-Format": name})

    assert by_clause.data == by_parameter.data == by_header.data == expected
    assert {a.headers["X-ClickHouse-Format"] for a in (by_clause, by_parameter, by_header)} == {name}


def test_json_arrow_and_parquet_are_whole_files(ask: Ask) -> None:
    query = "SELECT number AS n FROM numbers(200000)"

    rows = json.loads(ask(f"{query} FORMAT JSONCompact").data)["rows"]
    arrow = pa.ipc.open_file(ask(query, default_format="Arrow").data).read_all()
    parquet = pq.read_table(io.BytesIO(ask(query, default_format="Parquet").data))

    assert rows == arrow.num_rows == parquet.num_rows == 200_000


def test_totals_are_not_lost(ask: Ask) -> None:
    answer = ask("SELECT number % 2 AS k, count() FROM numbers(10) GROUP BY k WITH TOTALS ORDER BY k")

    assert answer.data == b"0\t5\n1\t5\n\n0\t10\n"


def test_an_answer_has_the_servers_headers(ask: Ask) -> None:
    answer = ask("SELECT count() FROM numbers(7)", query_id="mine")

    assert answer.headers["X-ClickHouse-Query-Id"] == "mine"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert answer.headers["X-ClickHouse-Server-Display-Name"]
    assert answer.headers["Content-Type"] == "text/tab-separated-values; charset=UTF-8"
    assert int(json.loads(answer.headers["X-ClickHouse-Summary"])["read_rows"]) == 7


def test_a_statement_without_rows_names_no_format(ask: Ask) -> None:
    answer = ask("CREATE TABLE t (a Int8) ENGINE = Memory")

    assert answer.status == 200
    assert answer.data == b""
    assert "X-ClickHouse-Format" not in answer.headers


def test_bound_parameters_keep_their_values(client: Client) -> None:
    given = {"i": -5, "s": "it's a\ttab \\ and 'quotes'", "a": ["x", "y'z"], "n": None}

    row = client.query("SELECT {i:Int32}, {s:String}, {a:Array(String)}, {n:Nullable(Int8)}", parameters=given)

    assert row.first_row == (-5, "it's a\ttab \\ and 'quotes'", ["x", "y'z"], None)


def test_a_long_binding_travels_as_a_form(client: Client) -> None:
    text = "x" * 100_000

    assert client.query("SELECT length({s:String})", parameters={"s": text}).first_row == (100_000,)


def test_a_form_may_hold_the_query(http: urllib3.PoolManager, url: str) -> None:
    answer = http.request("POST", url, fields={"query": "SELECT {a:UInt8} + 1", "param_a": "41"})

    assert answer.data == b"42\n"


def test_a_request_may_bring_a_table(client: Client) -> None:
    external = ExternalData(file_name="mine", data=b"1,one\n2,two\n", fmt="CSV", structure=["id UInt32", "name String"])

    names = client.query("SELECT name FROM mine ORDER BY id DESC", external_data=external).result_columns

    assert names == [["two", "one"]]
    assert client.command("EXISTS TEMPORARY TABLE mine") == 0


def test_frames_and_arrow_tables_come_back(client: Client) -> None:
    query = "SELECT number AS n, toString(number) AS s FROM numbers(5)"

    assert client.query_df(query)["n"].sum() == 10
    assert client.query_arrow(query).column("n").to_pylist() == [0, 1, 2, 3, 4]
    assert client.raw_query(query, fmt="CSV").startswith(b'0,"0"\n')
    assert client.query("SELECT toUUID('00112233-4455-6677-8899-aabbccddeeff')").first_row == (
        UUID("00112233-4455-6677-8899-aabbccddeeff"),
    )


@pytest.mark.parametrize("encoding", ["lz4", "zstd", "gzip"])
def test_a_large_answer_streams_in_every_encoding(ask: Ask, encoding: str, client: Client) -> None:
    query = "SELECT number AS n FROM numbers(300000)"
    with client.query_row_block_stream(query) as blocks:
        sizes = [len(block) for block in blocks]

    answer = ask(f"{query} FORMAT TSV", headers={"Accept-Encoding": encoding})

    assert sum(sizes) == 300_000
    assert len(sizes) > 1
    assert answer.headers["Content-Encoding"] == encoding


@pytest.mark.parametrize(
    ("max_block_size", "error"),
    [
        ("1000", StreamFailureError),
        ("65409", (StreamFailureError, DatabaseError)),  # of five blocks the last may have failed before one was sent
    ],
)
def test_an_error_in_mid_stream_reaches_the_client(
    client: Client, max_block_size: str, error: type[Exception] | tuple[type[Exception], ...]
) -> None:
    query = "SELECT throwIf(number = 290000, 'planted') FROM numbers(300000)"
    with (
        pytest.raises(error, match="planted"),
        client.query_row_block_stream(query, settings={"max_block_size": max_block_size}) as blocks,
    ):
        sum(len(block) for block in blocks)


def test_a_client_that_leaves_a_stream_frees_its_session(client: Client, ask: Ask) -> None:
    stream = client.raw_stream("SELECT number FROM numbers(100000000)", fmt="TSV")
    assert isinstance(stream, io.IOBase)
    stream.read(100)
    stream.close()
    deadline = time.monotonic() + 30
    while (answer := ask("SELECT 1", session_id=str(client.get_client_setting("session_id")))).status != 200:
        assert time.monotonic() < deadline

    assert answer.data == b"1\n"
