"""What ClickHouse says of the ledgers: everything adds up, every chain holds, and what does not would be seen."""

from collections.abc import Iterator

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from infra.migrate import migrate
from infra.settings import Settings, clickhouse
from tests.integration.shop import Shop

pytestmark = pytest.mark.servers

ROLES = {"score": {"events", "labels"}, "monitor": {"scored", "outcomes"}}


@pytest.fixture
def copy(shop: Shop, settings: Settings) -> Iterator[Client]:
    """A database of this test alone with the ledger of the shop, to be damaged; its tables of rows are empty."""
    migrate(settings)
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
        client.command(f"INSERT INTO ledger SELECT * FROM {shop.settings.clickhouse_database}.ledger")
        yield client


def rows(client: Client, sql: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in client.query(sql).result_rows]


def test_every_record_of_every_role_became_something(shop: Shop) -> None:
    with shop.client() as client:
        found = client.query(
            "SELECT stage, role, sum(records), sum(missing), sumMap(results) FROM balance GROUP BY ALL"
        )
        told = {
            (stage, role): (records, missing, results) for stage, role, records, missing, results in found.result_rows
        }

    assert {stage: {role for s, role in told if s == stage} for stage in ROLES} == ROLES
    assert {place: missing for place, (_, missing, _) in told.items()} == dict.fromkeys(told, 0)
    assert told["score", "events"][0] == shop.story.events
    assert told["score", "events"][2]["rejected"] > 0
    assert told["monitor", "scored"][0] == told["score", "events"][2]["scored"]


def test_the_chains_hold_and_the_tables_hold_what_was_produced(shop: Shop) -> None:
    with shop.client() as client:
        assert rows(client, "SELECT * FROM broken_chain") == []
        stored = rows(client, "SELECT what, sum(in_ledger), sum(in_table) FROM stored GROUP BY what")
        doubled = client.command("SELECT count() - uniqExact(topic, partition, offset) FROM ledger")

    assert {what for what, _, _ in stored} == {"scored", "outcomes", "rejected"}
    assert all(told == found > 0 for _, told, found in stored)
    assert doubled == 0


def test_an_entry_that_was_cut_out_is_seen(copy: Client) -> None:
    copy.command("DELETE FROM ledger WHERE stage = 'score' AND partition = 0 AND seq = 2")

    assert rows(copy, "SELECT stage, seq, seq_before FROM broken_chain") == [("score", 3, 1)]


def test_a_record_that_became_nothing_is_seen(copy: Client) -> None:
    copy.command("INSERT INTO ledger SELECT * REPLACE (map('events', 7) AS roles, map() AS counts) FROM ledger LIMIT 1")

    assert rows(copy, "SELECT role, sum(missing) FROM balance WHERE missing != 0 GROUP BY role") == [("events", 7)]


def test_rows_that_are_not_in_their_table_are_seen(copy: Client) -> None:
    assert copy.command("SELECT uniqExact(what) FROM stored WHERE in_ledger != in_table") == 3
