"""Start and end: one owner, what survives which end, merges, passwords."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import clickhouse_connect
import psutil
import pytest
import urllib3

from infra.embedded.clickhouse import ClickHouse, start_clickhouse
from infra.embedded.process import GRACE_S
from schemas.problem import Problem

DEADLINE_S = 60.0
LONG = "SELECT sum(sleepEachRow(1)) FROM numbers(600) SETTINGS max_block_size = 1"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "clickhouse"


@contextmanager
def running(data_dir: Path, *, user: str = "default", password: str = "") -> Iterator[ClickHouse]:
    server = start_clickhouse(data_dir, user=user, password=password)
    try:
        yield server
    finally:
        server.stop()


def fill(server: ClickHouse, rows: int) -> None:
    with clickhouse_connect.get_client(dsn=server.url) as client:
        client.command("CREATE TABLE IF NOT EXISTS t (n UInt64) ENGINE = MergeTree ORDER BY n")
        client.insert("t", [[n] for n in range(rows)], column_names=["n"], column_type_names=["UInt64"])


def count(server: ClickHouse) -> object:
    with clickhouse_connect.get_client(dsn=server.url) as client:
        return client.command("SELECT count() FROM t")


def test_tables_and_rows_survive_a_stop_that_leaves_nobody_behind(data_dir: Path) -> None:
    with running(data_dir) as server:
        fill(server, 1000)
        processes = psutil.Process(server.pid).children(recursive=True)

    assert processes
    assert not any(process.is_running() for process in processes)
    with running(data_dir) as again:
        assert count(again) == 1000


def test_tables_and_rows_survive_a_kill(data_dir: Path) -> None:
    with running(data_dir) as server:
        fill(server, 1000)
        os.killpg(server.pid, signal.SIGKILL)

    with running(data_dir) as again:
        assert count(again) == 1000
        assert list((data_dir / "incoming").iterdir()) == []


def test_a_stop_does_not_wait_for_a_long_query(data_dir: Path) -> None:
    with running(data_dir) as server:
        with urllib3.PoolManager() as http, pytest.raises(urllib3.exceptions.ReadTimeoutError):
            http.request("POST", server.url, body=LONG, timeout=0.5, retries=False)
        began = time.monotonic()
        server.stop()

    assert time.monotonic() - began < GRACE_S
    assert "did not end" not in (data_dir / "server.log").read_text()


def test_a_directory_has_one_owner(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.embedded.clickhouse.FORMER_S", 0.2)
    with (
        running(data_dir),
        pytest.raises(Problem, match="is in use by another ClickHouse: stop it or choose another directory"),
    ):
        start_clickhouse(data_dir)


def test_a_port_in_use_is_named(data_dir: Path, url: str) -> None:
    said = r"cannot listen on 127\.0\.0\.1:\d+ \(Address already in use\): .*choose another port"
    with pytest.raises(Problem, match=said):
        start_clickhouse(data_dir, int(url.rpartition(":")[2]))


def test_a_directory_that_chdb_would_misread_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="choose a data directory without any of"):
        start_clickhouse(tmp_path / "{a}")


def test_a_refused_kafka_table_leaves_the_directory_well(data_dir: Path) -> None:
    with running(data_dir) as server, urllib3.PoolManager() as http:
        fill(server, 10)
        answer = http.request("POST", server.url, body="CREATE TABLE k (a Int8) ENGINE=Kafka('b:1', 't', 'g', 'CSV')")

    with running(data_dir) as again:
        assert answer.headers["X-ClickHouse-Exception-Code"] == "344"
        assert count(again) == 10


def test_a_password_is_asked_for(data_dir: Path) -> None:
    with running(data_dir, user="writer", password="s3cret") as server:
        with urllib3.PoolManager() as http:
            answers = [
                http.request("POST", server.url + path, body="SELECT 1", headers=headers)
                for path, headers in [
                    ("", {}),
                    ("/?user=writer&password=wrong", {}),
                    ("", {"X-ClickHouse-User": "writer", "X-ClickHouse-Key": "wrong"}),
                    ("", urllib3.make_headers(basic_auth="writer:s3cret")),
                    ("/?user=writer&password=s3cret", {}),
                    ("", {"X-ClickHouse-User": "writer", "X-ClickHouse-Key": "s3cret"}),
                ]
            ]
        with clickhouse_connect.get_client(dsn=server.url, username="writer", password="s3cret") as client:
            assert client.command("SELECT 1") == 1

    assert [answer.status for answer in answers] == [403, 403, 403, 200, 200, 200]
    assert {answer.headers["X-ClickHouse-Exception-Code"] for answer in answers[:3]} == {"516"}


def test_parts_are_merged_in_the_background_and_system_tables_answer(url: str) -> None:
    with clickhouse_connect.get_client(dsn=url) as client:
        client.command("CREATE TABLE merged (n UInt64) ENGINE = MergeTree ORDER BY n")
        for n in range(20):
            client.insert("merged", [[n]], column_names=["n"], column_type_names=["UInt64"])
        query = "SELECT count() FROM system.parts WHERE table = 'merged' AND active"
        deadline = time.monotonic() + DEADLINE_S
        while (parts := client.command(query)) == 20 and time.monotonic() < deadline:
            time.sleep(0.1)

        client.command("SYSTEM FLUSH LOGS")
        client.command("OPTIMIZE TABLE merged FINAL")

        assert isinstance(parts, int)
        assert parts < 20
        assert client.command("SELECT count() FROM merged") == 20
        assert client.command("SELECT count() > 0 FROM system.columns WHERE table = 'merged'") == 1
        client.command("DROP TABLE merged")
