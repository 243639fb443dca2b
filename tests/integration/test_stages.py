"""Features of several entities on four partitions: a stage for each, on real servers, killed and started again."""

import json
import signal
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import clickhouse_connect
import psutil
import pyarrow.parquet
import pytest

from infra.audit.opened import opened
from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.settings import Settings, clickhouse
from schemas.outcome import Outcome
from schemas.payment import Chargeback, Payment
from schemas.scored import Scored
from streams.load import load
from streams.score import ScoreStage
from tests.integration.driven import ask, fold, given
from tests.integration.harness import FOLDED_S, MILLRACE, PIPELINES, decoded, environment, read, wait, worker_of
from tests.integration.test_skew import payments
from tests.simulation.planting import Plant

pytestmark = pytest.mark.servers

STAGED = f"{PIPELINES / 'verbs.py'}:staged"
PARTITIONS = 4
WAY = ("by_customer_id", "by_all", "score")
EVENTS = 1_000
STOPPED_S = 30.0
COUNTED = "SELECT feature, sum(checked), sum(unequal), sum(unjudged) FROM skew GROUP BY feature"
HALVES = [list(payments(0, EVENTS // 2)), list(payments(EVENTS // 2, EVENTS))]
PAYMENTS = {e.record.transaction_id: e.record for half in HALVES for e in half if isinstance(e.record, Payment)}
LABELLED = {e.record.transaction_id for half in HALVES for e in half if isinstance(e.record, Chargeback)}


def fold_all(settings: Settings) -> None:
    """All that stands on the inputs, stage after stage."""
    with opened(load(STAGED), settings) as found:
        assert [stage.stage for stage in found] == [*WAY, "monitor"]
        for stage in found:
            fold(stage)


def scored(settings: Settings) -> dict[str, list[float]]:
    """The vector of every event; each is scored once."""
    rows = decoded(settings, load(STAGED).topics(settings.topic_prefix).scored, Scored)
    found = {row["event_id"]: row["features"] for row in rows}
    assert len(found) == len(rows)
    return found


def taught(settings: Settings) -> set[str]:
    """The events that have met their label; each has once."""
    rows = decoded(settings, load(STAGED).topics(settings.topic_prefix).outcomes, Outcome)
    found = {row["event_id"] for row in rows}
    assert len(found) == len(rows)
    return found


def looked(settings: Settings, *more: str, status: int = 0) -> dict[str, Any]:
    """What the check of features says."""
    ran = ask(settings, "verify", STAGED, "--features", *more, "--json")
    assert ran.exit_code == status, ran.output
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_each_stage_finds_what_its_recorded_order_defines_also_across_a_restart(settings: Settings) -> None:
    pipeline = load(STAGED)
    given(settings, STAGED, iter(HALVES[0]), partitions=PARTITIONS)
    fold_all(settings)
    feed(pipeline, HALVES[1], settings)
    fold_all(settings)

    found = looked(settings)
    assert len(scored(settings)) == EVENTS
    assert found["events"] == EVENTS
    judged = {each["name"]: each["checked"] + each["unjudged"] for each in found["features"]}
    assert judged == dict.fromkeys(pipeline.feature_names, EVENTS)
    assert {each["name"]: each["checked"] for each in found["features"] if each["checked"] < EVENTS / 4} == {}
    one_by_one = Counter[str]()
    for partition in range(PARTITIONS):
        part = looked(settings, "--partition", str(partition))
        one_by_one.update({each["name"]: each["checked"] + each["unjudged"] for each in part["features"]})
    assert one_by_one == judged
    for stage in (*WAY, "monitor"):
        ran = ask(settings, "verify", STAGED, "--stage", stage, "--json")
        assert ran.exit_code == 0, ran.output
    assert ask(settings, "sink", STAGED, "--until-idle").exit_code == 0
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
        balance = client.query("SELECT stage, role, sum(records), sum(missing) FROM balance GROUP BY ALL").result_rows
        stored = client.query("SELECT what, sum(in_ledger), sum(in_table) FROM stored GROUP BY ALL").result_rows
    assert {stage for stage, *_ in balance} == {*WAY, "monitor"}
    assert [row for row in balance if row[-1]] == []
    assert [row for row in stored if row[1] != row[2]] == []
    again = ask(settings, "replay", STAGED, "t42", "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["input"]["topic"] == pipeline.topics(settings.topic_prefix).events


def counted(settings: Settings) -> dict[str, tuple[int, int, int]]:
    """Of each feature how many values the table says were checked, unequal, and not to be judged."""
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
        there = client.query("EXISTS TABLE skew").result_rows[0][0]
        rows: Sequence[Any] = client.query(COUNTED).result_rows if there else ()
    return {feature: tuple(counts) for feature, *counts in rows}


def test_a_check_that_follows_counts_every_value_of_every_stage_once(settings: Settings, tmp_path: Path) -> None:
    """Killed and begun anew by four at once, each with a partition of every stage."""
    pipeline, environ = load(STAGED), environment(settings)
    given(settings, STAGED, iter(HALVES[0]), partitions=PARTITIONS)
    follows = [*MILLRACE, "verify", STAGED, "--features", "--follow"]

    def all_are(events: int) -> bool:
        found = counted(settings)
        judged = {name: checked + unjudged for name, (checked, _, unjudged) in found.items()}
        return judged == dict.fromkeys(pipeline.feature_names, events)

    with ServerProcess("the worker", [*MILLRACE, "worker", STAGED], log_path=tmp_path / "log", env=environ) as worker:
        with ServerProcess("the check", follows, log_path=tmp_path / "first", env=environ) as first:
            wait("half is checked", lambda: all_are(EVENTS // 2), [first, worker], within_s=FOLDED_S)
            worker_of(first).send_signal(signal.SIGKILL)
            wait("it ends", lambda: not first.alive, [], within_s=STOPPED_S)
        feed(pipeline, HALVES[1], settings)
        with ExitStack() as running:
            others = [
                running.enter_context(ServerProcess(f"check {n}", told, log_path=tmp_path / f"check{n}", env=environ))
                for n, told in enumerate([*follows, "--partition", str(n)] for n in range(PARTITIONS))
            ]
            wait("all is checked", lambda: all_are(EVENTS), [*others, worker], within_s=FOLDED_S)
            for each in others:
                worker_of(each).send_signal(signal.SIGTERM)
            wait("they end", lambda: not any(each.alive for each in others), [], within_s=STOPPED_S)
    found = counted(settings)

    assert {each.status for each in others} == {0}
    assert {unequal for _, unequal, _ in found.values()} == {0}
    once = {each["name"]: (each["checked"], each["unequal"], each["unjudged"]) for each in looked(settings)["features"]}
    assert found == once


def test_a_backtest_of_the_topics_scores_and_labels_what_the_stages_did(settings: Settings, tmp_path: Path) -> None:
    given(settings, STAGED, iter(HALVES[0]), partitions=PARTITIONS)
    fold_all(settings)
    ran = ask(settings, "backtest", STAGED, "--scores", str(tmp_path / "scores.parquet"), "--json")
    assert ran.exit_code == 0, ran.output

    said = json.loads(ran.stdout)
    rows = pyarrow.parquet.read_table(tmp_path / "scores.parquet").to_pylist()
    assert said["partitions"] == PARTITIONS
    assert sorted(row["event_id"] for row in rows) == sorted(scored(settings))
    assert {row["event_id"] for row in rows if row["label"] is not None} == taught(settings)
    counts = said["pipelines"]["staged"]["counts"]
    read = {role: sum(n for name, n in counts.items() if name.startswith(role)) for role in ("events", "labels")}
    topics = load(STAGED).topics(settings.topic_prefix)
    assert said["records"] == {topics.events: read["events"], topics.labels: read["labels"]}


def test_a_label_that_the_last_stage_forgets_is_named_by_the_features_that_it_is_in(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(settings, STAGED, iter(HALVES[0]), partitions=PARTITIONS)
    with monkeypatch.context() as planted:
        Plant("no label at the last stage", ScoreStage._outcome, "if self._rated:", "if False:").put(planted)
        fold_all(settings)

    found = looked(settings, status=1)
    assert {each["name"] for each in found["features"] if each["unequal"]} == {
        "terminal_id.rate.1h.delay_2h",
        "terminal_id.rate.12h.delay_2h",
        "terminal_id.rate.6h.delay_2h.tile_1h",
    }


def kill(worker: ServerProcess, stage: str) -> None:
    """SIGKILL to the process of one stage, wherever the worker has it."""
    found = [each for each in psutil.Process(worker.pid).children(recursive=True) if each.cmdline()[-1:] == [stage]]
    assert found
    for each in found:
        each.kill()


def test_stages_that_are_killed_lose_and_double_nothing(settings: Settings, tmp_path: Path) -> None:
    pipeline = load(STAGED)
    topics = pipeline.topics(settings.topic_prefix)
    given(settings, STAGED, iter(HALVES[0] + HALVES[1]), partitions=PARTITIONS)
    gives = {"by_customer_id": topics.passed(1, "by_all"), "by_all": topics.passed(1, "score"), "score": topics.scored}
    command = [*MILLRACE, "worker", STAGED]
    with ServerProcess("the worker", command, log_path=tmp_path / "log", env=environment(settings)) as worker:
        for stage, topic in gives.items():
            wait(f"{stage} begins", lambda topic=topic: bool(read(settings, topic)), [worker], within_s=FOLDED_S)  # type: ignore[misc]
            kill(worker, stage)
        wait("all is scored", lambda: len(scored(settings)) == EVENTS, [worker], within_s=FOLDED_S)
        wait("all is learnt", lambda: len(taught(settings)) == len(LABELLED), [worker], within_s=FOLDED_S)
        assert taught(settings) == LABELLED
    for stage in WAY:
        ran = ask(settings, "verify", STAGED, "--stage", stage, "--json")
        assert ran.exit_code == 0, ran.output
