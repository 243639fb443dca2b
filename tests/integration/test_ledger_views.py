"""What ClickHouse says of the ledgers: everything adds up, every chain holds, and what does not would be seen."""

from collections.abc import Iterator
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from infra.migrate import migrate
from infra.settings import Settings, clickhouse
from tests.integration.shop import Shop

pytestmark = pytest.mark.servers

ROLES = {"score": {"events", "labels"}, "monitor": {"scored", "outcomes"}}
STORED = {"scored", "outcomes", "rejected", "all outputs"}
PARTITIONS = {0, 1}
THIRD = "stage = 'score' AND partition = 0 AND seq = 2"


@pytest.fixture
def copy(shop: Shop, settings: Settings) -> Iterator[Client]:
    """A database of this test alone with the ledger of the shop, to be damaged; its tables of rows are empty."""
    migrate(settings)
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
        client.command(f"INSERT INTO ledger SELECT * FROM {shop.settings.clickhouse_database}.ledger")
        yield client


def rows(client: Client, sql: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(sql).result_rows]


def write(client: Client, where: str, **changed: str) -> None:
    """One more entry: the first `where`, with columns changed to expressions."""
    columns = ", ".join(f"{expression} AS {name}" for name, expression in changed.items())
    told = f"* REPLACE ({columns})" if changed else "*"
    client.command(f"INSERT INTO ledger SELECT {told} FROM (SELECT * FROM ledger WHERE {where} ORDER BY seq LIMIT 1)")


def test_every_record_of_every_role_became_something(shop: Shop) -> None:
    with shop.client() as client:
        wrong = rows(client, "SELECT * FROM balance WHERE missing != 0")
        found = client.query("SELECT stage, role, sum(records), sumMap(results) FROM balance GROUP BY ALL").result_rows
        told = {(stage, role): (records, results) for stage, role, records, results in found}

    assert wrong == []
    assert {stage: {role for s, role in told if s == stage} for stage in ROLES} == ROLES
    assert told["score", "events"] == (shop.story.events, dict(shop.story.expected))
    assert told["score", "labels"] == (shop.story.labels, {"learnt": shop.story.labels})
    assert told["score", "events"][1]["rejected"] > 0
    assert told["monitor", "scored"][0] == shop.story.expected["scored"]


def test_the_chains_hold_and_the_tables_hold_what_was_produced(shop: Shop) -> None:
    with shop.client() as client:
        assert rows(client, "SELECT * FROM broken_chain") == []
        stored = rows(client, "SELECT partition, what, in_ledger, in_table FROM stored")
        doubled = client.command("SELECT count() - uniqExact(topic, partition, offset) FROM ledger")

    assert {(partition, what) for partition, what, _, _ in stored} == {(p, what) for p in PARTITIONS for what in STORED}
    assert [row for row in stored if not row[2] == row[3] > 0] == []
    assert doubled == 0


def test_an_entry_that_was_cut_out_is_seen(copy: Client) -> None:
    copy.command(f"DELETE FROM ledger WHERE {THIRD}")

    assert rows(copy, "SELECT stage, seq, seq_before FROM broken_chain") == [("score", 3, 1)]


def test_an_entry_that_stands_twice_is_seen(copy: Client) -> None:
    write(copy, THIRD)

    assert rows(copy, "SELECT stage, seq, seq_before FROM broken_chain") == [("score", 2, 2)]


@pytest.mark.parametrize(
    "changed",
    [{"previous": "repeat('a', 64)"}, {"starts": "mapApply((name, at) -> (name, at + 1), starts)"}],
    ids=["follows on another", "begins behind the last"],
)
def test_an_entry_that_does_not_follow_on_the_one_before_is_seen(copy: Client, changed: dict[str, str]) -> None:
    write(copy, THIRD, offset="1000000", **changed)
    copy.command(f"DELETE FROM ledger WHERE {THIRD} AND offset != 1000000")

    assert rows(copy, "SELECT stage, partition, seq FROM broken_chain") == [("score", 0, 2)]


def test_a_record_that_became_nothing_is_seen(copy: Client) -> None:
    write(copy, "true", roles="map('events', 7)", counts="map()")

    assert rows(copy, "SELECT role, sum(missing) FROM balance WHERE missing != 0 GROUP BY role") == [("events", 7)]


def test_a_record_that_became_two_things_is_seen(copy: Client) -> None:
    write(copy, "true", roles="map('events', 1)", counts="map('events.scored', 1, 'events.late', 1)")

    assert rows(copy, "SELECT role, sum(missing) FROM balance WHERE missing != 0 GROUP BY role") == [("events", -1)]


def test_a_label_that_waits_from_one_hour_into_the_next_is_missing_in_neither(copy: Client) -> None:
    hand = {"stage": "'hand'", "kafka_time": "toDateTime64('2018-04-08 00:59:59', 3, 'UTC')"}
    both = "map('events', {}, 'labels', {})"
    write(copy, THIRD, **hand, roles=both.format(0, 2), held="2", counts="map()")
    hand["kafka_time"] = "toDateTime64('2018-04-08 01:00:00', 3, 'UTC')"
    counts = "map('events.scored', 1, 'labels.learnt', 1, 'labels.orphaned', 1, 'waiting.unlabelled', 5)"
    write(copy, THIRD, **hand, roles=both.format(1, 0), held="-2", counts=counts)

    asked = "SELECT role, toHour(hour), records, held, missing, results FROM balance WHERE stage = 'hand'"

    assert rows(copy, f"{asked} ORDER BY ALL") == [
        ("events", 0, 0, 0, 0, {}),
        ("events", 1, 1, 0, 0, {"scored": 1}),
        ("labels", 0, 2, 2, 0, {}),
        ("labels", 1, 0, -2, 0, {"learnt": 1, "orphaned": 1}),
    ]


def test_rows_that_are_not_in_their_table_are_seen(copy: Client) -> None:
    found = rows(copy, "SELECT partition, what FROM stored WHERE in_ledger != in_table")

    assert set(found) == {(partition, what) for partition in PARTITIONS for what in STORED}
