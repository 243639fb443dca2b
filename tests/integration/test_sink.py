"""The sink on real servers: every record once, whatever happens between two steps of the intent protocol."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from confluent_kafka.admin import AdminClient

from consumers.buffer import Limits
from consumers.clickhouse import ClickHouse, FeatureSet
from consumers.insert import Inserter
from consumers.patience import Away
from consumers.round import Round
from consumers.rows import Row
from consumers.tables import Table
from infra.run_sink import Written, run_sink
from infra.settings import Settings, clickhouse, librdkafka
from schemas.problem import Problem
from schemas.reject import HEADER_REASON
from schemas.topics import Topics
from tests.integration.outputs import Outputs, alert, metric, outcome, scored

pytestmark = pytest.mark.servers
FEATURES = FeatureSet(id="f5", pipeline="p", version=1, names=("amount", "night"))
QUICK = Limits(interval_s=0.05, rows=20)
TABLES = ("scored", "outcomes", "metrics", "alerts", "rejected")


class Crash(Exception):
    """Stands for the end of the process: nothing of ours runs after it but closing the sockets."""


@pytest.fixture
def topics(settings: Settings) -> Topics:
    return Topics(pipeline="p", prefix=settings.topic_prefix)


@pytest.fixture
def outputs(settings: Settings, topics: Topics) -> Outputs:
    return Outputs(settings, topics)


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as connected:
        yield connected


def drain(settings: Settings, topics: Topics, features: FeatureSet = FEATURES) -> Written:
    """Run a sink until all that stands on the topics is written."""
    stop = threading.Event()
    return run_sink(settings, topics, features=features, stop=stop, until_idle=True, limits=QUICK)


def counts(client: Client) -> dict[str, tuple[int, int]]:
    """Table -> rows, and different positions among them."""
    asked = {name: f"SELECT count(), uniqExact(topic, partition, offset) FROM {name}" for name in TABLES}
    return {name: tuple(client.query(query).result_rows[0]) for name, query in asked.items()}


def rolled_up(client: Client) -> tuple[int, int]:
    """Scored and labelled rows as the roll-ups have them."""
    query = "SELECT (SELECT sum(scored) FROM scored_by_minute), (SELECT sum(labelled) FROM outcomes_by_hour)"
    first, second = client.query(query).result_rows[0]
    return int(first), int(second)


def fill(outputs: Outputs, topics: Topics) -> dict[str, tuple[int, int]]:
    """Records on every topic, with an aborted transaction in the middle; what the tables must hold then."""
    for begin in range(0, 120, 40):
        with outputs.transaction():
            outputs.write([scored(number) for number in range(begin, begin + 40)])
            outputs.write([outcome(number) for number in range(begin, begin + 20)])
        with outputs.transaction(aborted=True):
            outputs.write([scored(1_000_000 + number) for number in range(30)])
    with outputs.transaction():
        outputs.write([metric(), metric(revision=1), alert()])
        outputs.raw(topics.rejected, b"junk", [(HEADER_REASON, b"empty"), ("ce_id", b"1")])
        outputs.raw(topics.rejected, b"no headers at all")
    return {"scored": (120, 120), "outcomes": (60, 60), "metrics": (2, 2), "alerts": (1, 1), "rejected": (2, 2)}


def crash_at(step: Callable[..., Any], when: str, nth: int) -> Callable[..., Any]:
    """`step`, with a crash before or after its `nth` call."""
    calls = iter(range(1, 1_000_000))

    def crashing(*given: Any) -> Any:
        call = next(calls)
        if call == nth and when == "before":
            raise Crash
        answer = step(*given)
        if call == nth and when == "after":
            raise Crash
        return answer

    return crashing


def test_every_committed_record_is_written_once_and_no_aborted_one(
    settings: Settings, topics: Topics, outputs: Outputs, client: Client
) -> None:
    expected = fill(outputs, topics)

    written = drain(settings, topics)

    assert counts(client) == expected
    assert rolled_up(client) == (120, 60)
    assert written.rows == {name: count for name, (count, _) in expected.items()}
    assert drain(settings, topics).rows == {}


STEPS: Sequence[tuple[type, str]] = (
    (Inserter, "check"),
    (Round, "intend"),
    (Inserter, "insert"),
    (ClickHouse, "insert"),
    (Round, "commit"),
)


@pytest.mark.parametrize(("owner", "step"), STEPS, ids=lambda each: getattr(each, "__name__", each))
def test_crashes_between_any_two_steps_and_while_resuming_lose_and_double_nothing(
    settings: Settings,
    topics: Topics,
    outputs: Outputs,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    step: str,
) -> None:
    expected = fill(outputs, topics)
    for when, nth in (("before", 2), ("after", 1), ("before", 1), ("after", 1)):
        with monkeypatch.context() as patched:
            patched.setattr(owner, step, crash_at(getattr(owner, step), when, nth))
            with pytest.raises(Crash):
                drain(settings, topics)

    with outputs.transaction():
        outputs.write([scored(number) for number in range(120, 130)])
    drain(settings, topics)

    assert counts(client) == {**expected, "scored": (130, 130)}
    assert rolled_up(client) == (130, 60)


def test_an_insert_whose_answer_was_lost_is_repeated_without_doubling(
    settings: Settings, topics: Topics, outputs: Outputs, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fill(outputs, topics)
    insert = ClickHouse.insert
    lost: list[str] = []

    def losing(self: ClickHouse, table: Table, rows: Sequence[Row], token: str) -> None:
        insert(self, table, rows, token)
        if token not in lost:
            lost.append(token)
            raise Away("the connection was closed before the answer came")

    monkeypatch.setattr(ClickHouse, "insert", losing)
    drain(settings, topics)

    assert len(lost) > len(TABLES)
    assert counts(client) == expected
    assert rolled_up(client) == (120, 60)


def test_a_clickhouse_that_is_away_is_waited_for_and_told_once(
    settings: Settings,
    topics: Topics,
    outputs: Outputs,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = fill(outputs, topics)
    insert = ClickHouse.insert
    refusals = iter(range(6))

    def away(self: ClickHouse, table: Table, rows: Sequence[Row], token: str) -> None:
        if table.name == "scored" and next(refusals, None) is not None:
            whose = {"pipeline": FEATURES.pipeline, "version": str(FEATURES.version)}
            up = self.patiently._metrics.registry.get_sample_value("millrace_sink_clickhouse_up", whose)
            assert (up == 1) is not self.patiently._away
            raise Away("connection refused")
        insert(self, table, rows, token)

    monkeypatch.setattr(ClickHouse, "insert", away)
    with caplog.at_level(logging.WARNING, logger="consumers"):
        drain(settings, topics)

    told = [record.getMessage() for record in caplog.records if "ClickHouse" in record.getMessage()]
    assert [line.split(" (")[0] for line in told] == ["ClickHouse does not answer", "ClickHouse answers again"]
    assert counts(client) == expected


def test_a_stop_while_clickhouse_is_away_leaves_everything_for_the_next_run(
    settings: Settings, topics: Topics, outputs: Outputs, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fill(outputs, topics)
    stop = threading.Event()
    insert = ClickHouse.insert

    def away(self: ClickHouse, table: Table, rows: Sequence[Row], token: str) -> None:
        if table.name == "feature_sets":
            return insert(self, table, rows, token)
        stop.set()
        raise Away("connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(ClickHouse, "insert", away)
        run_sink(settings, topics, features=FEATURES, stop=stop, limits=QUICK)
    drain(settings, topics)

    assert counts(client) == expected


def test_rows_that_clickhouse_refuses_stop_the_sink_by_name_and_wait_in_kafka(
    settings: Settings, topics: Topics, outputs: Outputs, client: Client
) -> None:
    expected = fill(outputs, topics)
    drain(settings, topics)
    client.command("ALTER TABLE alerts DROP COLUMN evidence")
    with outputs.transaction():
        outputs.write([alert(), alert()])

    with pytest.raises(Problem, match=rf"{topics.alerts}\[[01]\] \d to \d.*evidence"):
        drain(settings, topics)

    client.command("ALTER TABLE alerts ADD COLUMN evidence String")
    drain(settings, topics)
    assert counts(client) == {**expected, "alerts": (3, 3)}


def test_what_is_none_of_our_messages_becomes_a_reject_and_the_rest_goes_on(
    settings: Settings, topics: Topics, outputs: Outputs, client: Client
) -> None:
    with outputs.transaction():
        outputs.write([scored(0), scored(1)])
        outputs.raw(topics.scored, b"not Avro")
        outputs.write([scored(2), scored(3)])

    written = drain(settings, topics)

    assert written.unreadable == 1
    assert counts(client)["scored"] == (4, 4)
    row = client.query("SELECT topic, offset, stage, reason, value FROM rejected").result_rows[0]
    assert row == (topics.scored, 1, "sink", "not_avro", "not Avro")


def test_lost_group_offsets_are_told_instead_of_doubling_rows(
    settings: Settings, topics: Topics, outputs: Outputs, client: Client
) -> None:
    expected = fill(outputs, topics)
    drain(settings, topics)
    group = topics.sink
    admin = AdminClient({**librdkafka(settings)})
    admin.delete_consumer_groups([group])[group].result(30)

    with pytest.raises(Problem, match="rows would be doubled"):
        drain(settings, topics)

    assert counts(client) == expected


def test_two_sinks_share_the_partitions_and_write_each_record_once(
    settings: Settings, topics: Topics, outputs: Outputs, client: Client
) -> None:
    stops = [threading.Event() for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        runs = [
            threads.submit(run_sink, settings, topics, features=FEATURES, stop=stop, limits=QUICK) for stop in stops
        ]
        try:
            expected = fill(outputs, topics)
            stops[0].set()
            runs[0].result(60)
            stops[1].set()
            runs[1].result(60)
        finally:
            for stop in stops:
                stop.set()
    drain(settings, topics)

    assert counts(client) == expected
    assert rolled_up(client) == (120, 60)


def test_the_sink_of_the_next_version_goes_on_where_the_last_one_was(
    settings: Settings, topics: Topics, outputs: Outputs, client: Client
) -> None:
    with outputs.transaction():
        outputs.write([scored(number) for number in range(10)])
    drain(settings, topics)
    stop = threading.Event()
    outputs.create(version=2)
    with outputs.transaction():
        outputs.write([scored(number, feature_set="f6", features=[1.0]) for number in range(10, 40)])

    with ThreadPoolExecutor(1) as threads:  # while the last one still writes
        older = threads.submit(run_sink, settings, topics, features=FEATURES, stop=stop, limits=QUICK)
        try:
            newer = replace(FEATURES, id="f6", version=2, names=("amount",))
            drain(settings, topics, newer)
        finally:
            stop.set()
        older.result(60)
    drain(settings, topics, newer)

    assert counts(client)["scored"] == (40, 40)
    named = "SELECT uniqExact(event_id) FROM feature(name = 'amount')"
    assert client.query(named).result_rows == [(40,)]


def test_a_missing_topic_is_told_with_the_cure(settings: Settings, topics: Topics) -> None:
    with pytest.raises(Problem, match="millrace worker"):
        drain(settings, topics)
