"""Sessions: what a client sets stays, what a request brings does not."""

import threading
from typing import Any

import clickhouse_connect
import urllib3
from clickhouse_connect.driver.client import Client

from tests.infra.clickhouse.ask import Ask


def setting(ask: Ask, name: str, **params: Any) -> str:
    return ask(f"SELECT getSetting('{name}')", **params).data.decode().strip()


def test_settings_of_a_request_end_with_it(ask: Ask) -> None:
    before = setting(ask, "max_block_size", session_id="s1")

    assert setting(ask, "max_block_size", session_id="s1", max_block_size="77") == "77"
    assert setting(ask, "max_block_size", session_id="s1") == before


def test_a_set_statement_stays_in_its_session_alone(ask: Ask) -> None:
    before = setting(ask, "max_block_size")

    ask("SET max_block_size = 78, insert_deduplication_token = 'a=b'", session_id="s2")

    assert setting(ask, "max_block_size", session_id="s2") == "78"
    assert setting(ask, "max_block_size", session_id="s2", max_block_size="79") == "79"
    assert setting(ask, "max_block_size", session_id="s2") == "78"
    assert setting(ask, "insert_deduplication_token", session_id="s2") == "a=b"
    assert setting(ask, "max_block_size", session_id="s3") == setting(ask, "max_block_size") == before


def test_a_refused_setting_leaves_no_trace(ask: Ask) -> None:
    before = setting(ask, "max_block_size", session_id="s4")

    assert ask("SELECT 1", session_id="s4", max_block_size="80", max_threads="many").status == 400
    assert setting(ask, "max_block_size", session_id="s4") == before


def test_use_and_temporary_tables_last_as_long_as_the_session(http: urllib3.PoolManager, url: str) -> None:
    def run(query: str, session: str) -> str:
        return http.request("POST", f"{url}/?session_id={session}", body=query).data.decode().strip()

    run("USE system", "s5")
    run("CREATE TEMPORARY TABLE mine (a Int8)", "s5")
    run("INSERT INTO mine VALUES (5)", "s5")

    assert run("SELECT currentDatabase(), a FROM mine", "s5") == "system\t5"
    assert "UNKNOWN_TABLE" in run("SELECT * FROM mine", "s6")
    assert run("SELECT currentDatabase()", "s6") == "default"


def test_the_database_of_a_request_ends_with_it(http: urllib3.PoolManager, url: str) -> None:
    def current(**extra: str) -> str:
        params = "&".join(f"{k}={v}" for k, v in extra.items())
        return http.request("POST", f"{url}/?session_id=s7&{params}", body="SELECT currentDatabase()").data.decode()

    assert [current(database="system"), current()] == ["system\n", "default\n"]


def test_one_session_takes_one_request_at_a_time(ask: Ask) -> None:
    codes = set()

    def run(query: str) -> None:
        codes.add(ask(query, session_id="s8").headers.get("X-ClickHouse-Exception-Code"))

    thread = threading.Thread(target=run, args=("SELECT sleep(2)",))
    thread.start()
    while thread.is_alive() and "373" not in codes:
        run("SELECT 1")
    thread.join(30)

    assert "373" in codes  # whichever of the two came second
    assert ask("SELECT 1", session_id="s8").data == b"1\n"


def test_a_session_ends_after_its_time(ask: Ask) -> None:
    ask("SET max_block_size = 81", session_id="s9", session_timeout="0")

    assert setting(ask, "max_block_size", session_id="s9") != "81"


def test_eight_clients_insert_and_read_at_once(url: str, database: str, client: Client) -> None:
    client.command("CREATE TABLE t (who UInt8, n UInt64) ENGINE = MergeTree ORDER BY (who, n)")
    errors: list[BaseException] = []

    def work(who: int) -> None:
        try:
            with clickhouse_connect.get_client(dsn=url, database=database) as mine:
                for part in range(10):
                    rows = [[who, part * 100 + n] for n in range(100)]
                    mine.insert("t", rows, column_names=["who", "n"], column_type_names=["UInt8", "UInt64"])
                    seen = mine.query("SELECT count(), sum(n) FROM t WHERE who = {w:UInt8}", parameters={"w": who})
                    total = (part + 1) * 100
                    assert seen.first_row == (total, total * (total - 1) // 2)
        except BaseException as error:  # noqa: BLE001  # shown by the assertion below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)

    assert errors == []
    assert client.command("SELECT count(), uniqExact(who, n) FROM t") == ["8000", "8000"]


def test_a_slow_query_holds_up_nobody(ask: Ask) -> None:
    slow = [threading.Thread(target=ask, args=("SELECT sleep(3)",)) for _ in range(4)]
    for thread in slow:
        thread.start()

    assert ask("SELECT 1").data == b"1\n"
    assert all(thread.is_alive() for thread in slow)

    for thread in slow:
        thread.join(30)
