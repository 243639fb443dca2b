"""The skew check beside real workers: nothing is unequal, what was planted is named, and nothing is counted twice."""

import json
import signal
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import clickhouse_connect
import pytest
from confluent_kafka import TopicPartition

from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.pipeline_topics import create
from infra.settings import Settings, clickhouse
from infra.skew.checker import Batch
from infra.skew.follow import follow
from infra.skew.recorded import Recorded
from producers.known import Kind, Known, strictly
from schemas.payment import Chargeback, Payment
from schemas.problem import Outage, Problem
from streams.load import load
from streams.windows import History
from tests.integration.driven import ask, fold, given, scoring
from tests.integration.harness import (
    FOLDED_S,
    MILLRACE,
    PIPELINES,
    STARTED_S,
    environment,
    wait,
    wait_folded,
    worker,
    worker_of,
)
from tests.simulation.planting import Plant

pytestmark = pytest.mark.servers

ONE, FOUR = (f"{PIPELINES / 'verbs.py'}:{name}" for name in ("one", "four"))
START = datetime(2026, 3, 2, tzinfo=UTC)
EVENTS = 2_000
MINUTE_MS = 60_000
UNTIL_S = STARTED_S + FOLDED_S
COUNTED = "SELECT feature, sum(checked), sum(unequal) FROM skew GROUP BY feature"
SKEWED = "SELECT feature, unequal, event_id, served FROM skew WHERE unequal > 0 ORDER BY hour, feature"


def payments(begin: int, end: int) -> Iterator[Known]:
    """A minute apart: one in ten up to three hours late, one in twenty sent twice, half of them labelled later."""
    draw, known = Random(begin), []
    for number in range(begin, end):
        now = START + number * timedelta(minutes=1)
        at = now - timedelta(minutes=draw.randint(1, 180)) * (draw.random() < 0.1)
        customer, amount = f"c{draw.randrange(12)}", round(draw.lognormvariate(3.5, 0.7), 2)
        payment = Payment(
            transaction_id=f"t{number}",
            occurred_at=at,
            customer_id=customer,
            terminal_id=f"m{draw.randrange(8)}",
            amount=amount,
        )
        known.append(Known(_ms(now), Kind.EVENT, payment))
        if draw.random() < 0.05:
            known.append(Known(_ms(now) + draw.randint(1, 9) * MINUTE_MS, Kind.EVENT, payment))
        if draw.random() < 0.5:
            later = now + timedelta(minutes=draw.randint(-30, 200))
            label = Chargeback(transaction_id=f"t{number}", customer_id=customer, fraud=amount > 40, reported_at=later)
            known.append(Known(_ms(later), Kind.LABEL, label))
    return strictly(sorted(known, key=lambda each: each.time_ms))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def looked(settings: Settings, target: str, *, status: int = 0) -> dict[str, Any]:
    """What the check says as JSON, where it exits so."""
    ran = ask(settings, "verify", target, "--features", "--json")
    assert ran.exit_code == status, ran.output
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(("target", "partitions"), [(ONE, 1), (FOUR, 4)])
def test_every_value_that_was_served_is_as_defined_also_across_a_restart(
    settings: Settings, tmp_path: Path, target: str, partitions: int
) -> None:
    pipeline = load(target)
    given(settings, target, payments(0, EVENTS), partitions=partitions)
    with worker(settings, target, tmp_path) as first:
        wait_folded(settings, pipeline, first)
    feed(pipeline, payments(EVENTS, 2 * EVENTS), settings)
    with worker(settings, target, tmp_path) as second:
        wait_folded(settings, pipeline, second)
    found = looked(settings, target)
    shown = ask(settings, "verify", target, "--features")

    assert found["holds"]
    assert found["events"] == 2 * EVENTS
    assert [each["name"] for each in found["features"]] == list(pipeline.feature_names)
    assert all(each["checked"] == 2 * EVENTS for each in found["features"])
    assert all(each["unequal"] == each["unjudged"] == 0 for each in found["features"])
    assert shown.exit_code == 0
    assert "4,000 events" in shown.stdout


def test_a_window_off_by_one_is_named_with_hour_event_and_values(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = f"{PIPELINES / 'till.py'}:till"
    given(settings, till, payments(0, 400), partitions=1)
    with monkeypatch.context() as planted, scoring(settings, till) as stage:
        Plant("an edge too much", History.add, "at_ms - span_ms)", "at_ms - span_ms - 1)").put(planted)
        fold(stage)
    found = looked(settings, till, status=1)
    shown = ask(settings, "verify", till, "--features")

    assert not found["holds"]
    skewed = {each["name"] for each in found["features"] if each["unequal"]}
    assert skewed == {"customer_id.count.1h", "customer_id.amount.mean.1h"}
    worst = next(each for each in found["skewed"] if each["feature"] == "customer_id.count.1h")
    assert worst["served"] == worst["recomputed"] + 1
    assert worst["hour"].startswith("2026-03-02")
    assert worst["source"].startswith(f"{load(till).topics(settings.topic_prefix).events}/0@")
    assert shown.exit_code == 1
    assert worst["event_id"] in shown.stdout
    assert followed(settings, till) == sum(each["unequal"] for each in found["features"])
    rows = [tuple(e[name] for name in ("feature", "unequal", "event_id", "served")) for e in found["skewed"]]
    assert sorted(told(settings)) == sorted(rows)


def followed(settings: Settings, target: str) -> int:
    """How many values are unequal of all that has been served, written into ClickHouse."""
    stop = threading.Event()
    with scoring(settings, target) as stage:
        return follow([stage], [0], settings, stop, lambda found: stop.set() if found.events else None)


def told(settings: Settings) -> list[Any]:
    """What ClickHouse says is skewed, hour by hour."""
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
        return list(client.query(SKEWED).result_rows)


def test_what_was_served_of_expired_records_is_left_out_and_said(settings: Settings) -> None:
    given(settings, ONE, payments(0, 600), partitions=1)
    with scoring(settings, ONE) as stage:
        fold(stage)
        gone = [TopicPartition(stage.topics.events, 0, 300), TopicPartition(stage.topics.labels, 0, 100)]
        for answer in stage.admin.delete_records(gone).values():
            answer.result(FOLDED_S)
    found = looked(settings, ONE)

    assert found["holds"]
    assert found["left_out"] > 200
    assert found["events"] + found["left_out"] == 600
    assert any(each["unjudged"] for each in found["features"])


def test_versions_of_one_definition_are_told_apart(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = f"{PIPELINES / 'till.py'}:till"
    source = (PIPELINES / "till.py").read_text()
    (tmp_path / "later.py").write_text(
        source.replace("        learning=learning,", "        learning=learning, version=2,")
    )
    later = f"{tmp_path / 'later.py'}:till"
    given(settings, till, payments(0, 400), partitions=1)
    with scoring(settings, till) as stage:
        fold(stage)
    create(load(later), settings, partitions=1)
    with monkeypatch.context() as planted, scoring(settings, later) as stage:
        Plant("an edge too much", History.add, "at_ms - span_ms)", "at_ms - span_ms - 1)").put(planted)
        fold(stage)

    assert looked(settings, till)["events"] == 400
    assert looked(settings, later, status=1)["events"] == 400


class Interrupted(Recorded):
    """Kafka goes away once, in the middle of a batch."""

    left = 1

    def batches(self, until: int | None = None) -> Iterator[Batch]:
        for batch in super().batches(until):
            yield batch
            if batch.seq > 2 and self.left:
                type(self).left -= 1
                raise Outage("Kafka is away")


def test_a_check_that_loses_kafka_begins_anew(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    till = f"{PIPELINES / 'till.py'}:till"
    given(settings, till, payments(0, 400), partitions=1)
    with scoring(settings, till) as stage:
        fold(stage)
    monkeypatch.setattr("infra.skew.follow.AWAY_S", 0.0)
    monkeypatch.setattr("infra.skew.follow.Recorded", Interrupted)

    assert followed(settings, till) == 0
    assert Interrupted.left == 0
    assert counted(settings)["amount"] == (400, 0)


def test_counts_of_another_ledger_are_not_added_to(settings: Settings) -> None:
    till = f"{PIPELINES / 'till.py'}:till"
    given(settings, till, payments(0, 200), partitions=1)
    with scoring(settings, till) as stage:
        fold(stage)
    assert followed(settings, till) == 0
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
        client.command("INSERT INTO feature_skew SELECT * REPLACE (seq + 1000 AS seq) FROM feature_skew")

    with pytest.raises(Problem, match=r"of another ledger, as when topics were made anew: forget them \(ALTER TABLE"):
        followed(settings, till)


def counted(settings: Settings) -> dict[str, tuple[int, int]]:
    """Of each feature how many values ClickHouse says were checked and unequal."""
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
        there = client.query("EXISTS TABLE skew").result_rows[0][0]
        rows: Sequence[Any] = client.query(COUNTED).result_rows if there else ()
    return {feature: (checked, unequal) for feature, checked, unequal in rows}


def following(settings: Settings, log: Path) -> ServerProcess:
    command = [*MILLRACE, "verify", ONE, "--features", "--follow"]
    return ServerProcess("the skew check", command, log_path=log, env=environment(settings))


def test_it_follows_what_is_served_and_counts_nothing_twice(settings: Settings, tmp_path: Path) -> None:
    pipeline = load(ONE)
    amount = "amount"
    given(settings, ONE, payments(0, 600), partitions=1)
    with worker(settings, ONE, tmp_path) as serving:
        with following(settings, tmp_path / "first") as first:
            wait(
                "all is checked", lambda: counted(settings).get(amount) == (600, 0), [first, serving], within_s=UNTIL_S
            )
            feed(pipeline, payments(600, 1_000), settings)
            wait("it goes on", lambda: counted(settings)[amount] == (1_000, 0), [first, serving], within_s=UNTIL_S)
            worker_of(first).send_signal(signal.SIGKILL)
            wait("it ends", lambda: not first.alive, [], within_s=FOLDED_S)
        feed(pipeline, payments(1_000, 1_500), settings)
        with following(settings, tmp_path / "second") as second:
            wait("it takes over", lambda: counted(settings)[amount] == (1_500, 0), [second, serving], within_s=UNTIL_S)
            wait_folded(settings, pipeline, serving)
            worker_of(second).send_signal(signal.SIGTERM)
            wait("it ends", lambda: not second.alive, [], within_s=FOLDED_S)
        said = second.log()
    found = counted(settings)

    assert second.status == 0
    assert " events, 0 of " in said
    assert "Traceback" not in said
    assert set(found) == set(pipeline.feature_names)
    assert set(found.values()) == {(1_500, 0)}


def test_what_does_not_go_together_is_one_sentence(settings: Settings) -> None:
    with pytest.raises(Problem, match="--follow goes with --features"):
        ask(settings, "verify", ONE, "--follow")
    with pytest.raises(Problem, match="leave out --from and --stage"):
        ask(settings, "verify", ONE, "--features", "--stage", "monitor")
    with pytest.raises(Problem, match="has no ledger yet"):
        ask(settings, "verify", ONE, "--features")
