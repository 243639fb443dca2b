"""Refusals: ClickHouse's code, name, text and HTTP status."""

from pathlib import Path
from typing import Any

import clickhouse_connect
import pytest
import urllib3
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from infra.embedded.clickhouse_http.errors import Refusal
from tests.infra.clickhouse.ask import Ask


@pytest.mark.parametrize(
    ("query", "code", "name", "status"),
    [
        ("SELECT * FROM nope", 60, "UNKNOWN_TABLE", 404),
        ("SELECT nope", 47, "UNKNOWN_IDENTIFIER", 404),
        ("SELECT nope()", 46, "UNKNOWN_FUNCTION", 404),
        ("SELECT 1 FORMAT Nope", 73, "UNKNOWN_FORMAT", 404),
        ("SELECT FROM WHERE", 62, "SYNTAX_ERROR", 400),
        ("nonsense", 62, "SYNTAX_ERROR", 400),
        ("", 62, "SYNTAX_ERROR", 400),
        (" -- only a comment", 62, "SYNTAX_ERROR", 400),
        ("SELECT 1; SELECT 2", 62, "SYNTAX_ERROR", 400),
        ("SELECT toInt8('x')", 6, "CANNOT_PARSE_TEXT", 400),
        ("SELECT throwIf(1)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO", 500),
        ("DROP TABLE nope", 60, "UNKNOWN_TABLE", 404),
        ("INSERT INTO nope FORMAT CSV\n1\n", 60, "UNKNOWN_TABLE", 404),
        ("USE nope", 81, "UNKNOWN_DATABASE", 404),
        ("CREATE TABLE k (a Int8) ENGINE = Kafka('localhost:9092', 't', 'g', 'CSV')", 344, "SUPPORT_IS_DISABLED", 500),
        ("create table k (a Int8) /* e */ engine `Kafka`('b', 't', 'g', 'CSV')", 344, "SUPPORT_IS_DISABLED", 500),
    ],
)
def test_a_bad_statement_is_refused_as_the_server_refuses_it(
    ask: Ask, query: str, code: int, name: str, status: int
) -> None:
    answer = ask(query)

    text = answer.data.decode()
    assert answer.status == status, text
    assert answer.headers["X-ClickHouse-Exception-Code"] == str(code)
    assert text.startswith(f"Code: {code}. DB::Exception: ")
    assert f" ({name}) (version " in text
    assert text.count("DB::Exception") == 1


@pytest.mark.parametrize(
    ("params", "code", "status"),
    [
        ({"database": "nope"}, 81, 404),
        ({"no_such_setting": "1"}, 115, 404),
        ({"max_threads": "many"}, 27, 400),
        ({"bad-name": "1"}, 115, 404),
        ({"decompress": "1"}, 48, 501),
        ({"session_id": "unseen", "session_check": "1"}, 372, 500),
    ],
)
def test_a_bad_parameter_is_refused(ask: Ask, params: dict[str, Any], code: int, status: int) -> None:
    answer = ask("SELECT 1", **params)

    assert (answer.headers["X-ClickHouse-Exception-Code"], answer.status) == (str(code), status)


def test_kafka_in_a_string_is_no_engine(ask: Ask) -> None:
    assert ask("SELECT 'ENGINE = Kafka'").data == b"ENGINE = Kafka\n"


def test_get_changes_nothing(ask: Ask) -> None:
    answers = [
        ask(method="GET", query=query)
        for query in ("CREATE TABLE t (a Int8) ENGINE = Memory", "INSERT INTO t VALUES (1)", "SYSTEM FLUSH LOGS")
    ]

    assert {answer.headers["X-ClickHouse-Exception-Code"] for answer in answers} == {"164"}
    assert ask(method="GET", query="SHOW TABLES").data == b""


def test_the_stock_client_reads_code_and_name(client: Client) -> None:
    with pytest.raises(DatabaseError, match=r"Code: 60\. DB::Exception: .* \(UNKNOWN_TABLE\) \(version 2") as caught:
        client.query("SELECT * FROM nope")

    assert (caught.value.code, caught.value.name) == (60, "UNKNOWN_TABLE")


def test_a_body_of_another_encoding_than_it_says_is_refused(ask: Ask) -> None:
    answers = [ask("SELECT 1", headers={"Content-Encoding": name}) for name in ("gzip", "zstd", "lz4", "morse")]

    assert [answer.headers["X-ClickHouse-Exception-Code"] for answer in answers] == ["271", "271", "271", "89"]


def test_an_unknown_user_is_refused(http: urllib3.PoolManager, url: str) -> None:
    answer = http.request("POST", url, body="SELECT 1", headers={"X-ClickHouse-User": "stranger"})

    assert answer.status == 403
    assert answer.headers["X-ClickHouse-Exception-Code"] == "516"


def test_an_unknown_user_is_refused_by_the_stock_client(url: str) -> None:
    with pytest.raises(DatabaseError, match="AUTHENTICATION_FAILED"):
        clickhouse_connect.get_client(dsn=url, username="stranger", password="x")


def test_repeated_heads_and_tails_are_said_once() -> None:
    head, tail = "Code: 73. DB::Exception: ", ". (UNKNOWN_FORMAT) (version 26.9.2.1)"
    refusal = Refusal.of(RuntimeError(f"{head}{head}Unknown format Foo{tail}{tail}. (UNKNOWN_FORMAT)"))

    assert (refusal.code, refusal.name, str(refusal)) == (73, "UNKNOWN_FORMAT", "Unknown format Foo.")


def test_an_error_without_a_code_is_a_standard_exception() -> None:
    assert Refusal.of(RuntimeError("out of luck")).text("1").startswith("Code: 1001. DB::Exception: out of luck (STD_")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 INTO OUTFILE '{path}'",
        "SELECT * FROM (SELECT 1) into /* so */ outfile '{path}' FORMAT CSV",
        "INSERT INTO FUNCTION file('{path}', 'CSV', 'a Int8') SELECT 1",
        "SELECT * FROM `file`('{path}', 'CSV', 'a Int8')",
        "INSERT INTO t FROM INFILE '{path}' FORMAT CSV",
    ],
)
def test_no_request_opens_a_file(ask: Ask, tmp_path: Path, query: str) -> None:
    path = tmp_path / "there.csv"

    answer = ask(query.format(path=path))

    assert answer.headers["X-ClickHouse-Exception-Code"] == "344"
    assert not path.exists()


def test_a_file_in_words_is_none(ask: Ask) -> None:
    assert ask("SELECT 'INTO OUTFILE', 1 AS file").data == b"INTO OUTFILE\t1\n"
