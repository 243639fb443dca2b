"""A backtest of the topics says what the workers said: every score, in all 64 bits."""

import json
import signal
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.settings import Settings
from schemas.outcome import Outcome
from schemas.problem import Problem
from schemas.scored import Scored
from streams.load import load
from tests.integration.driven import ask, given
from tests.integration.harness import (
    MILLRACE,
    PIPELINES,
    STARTED_S,
    decoded,
    environment,
    wait,
    wait_folded,
    worker,
    worker_of,
)
from tests.integration.shop import TARGET as SHOP
from tests.integration.shop import Shop
from tests.integration.test_restart import payments

pytestmark = pytest.mark.servers

TILL = f"{PIPELINES / 'till.py'}:till"
TILLS = f"{PIPELINES / 'till.py'}:tills"
EVENTS = 3_000

CUTS = (("stood.parquet", ("--until", "2026-03-02T15:00")), ("all.parquet", ()))
"""The 900 payments that stand when the shadow begins, without the labels that come after the last of them; all."""

Rows = dict[str, tuple[str, bool | None]]


def backtested(settings: Settings, out: Path, *targets: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the command says, and the rows of the file it writes."""
    ran = ask(settings, "backtest", *targets, "--scores", str(out), "--json")
    assert ran.exit_code == 0, ran.output
    said: dict[str, Any] = json.loads(ran.stdout)
    return said, pyarrow.parquet.read_table(out).to_pylist()


def served(settings: Settings, target: str) -> Rows:
    """Of each event the score that was served, in all its bits, and the label that it has met."""
    topics = load(target).topics(settings.topic_prefix)
    labels = {row["event_id"]: row["label"] == "true" for row in decoded(settings, topics.outcomes, Outcome)}
    rows = decoded(settings, topics.scored, Scored)
    assert len({row["event_id"] for row in rows}) == len(rows)
    return {row["event_id"]: (row["score"].hex(), labels.get(row["event_id"])) for row in rows}


def again(rows: list[dict[str, Any]], name: str) -> Rows:
    """The same of a file of scores."""
    return {row["event_id"]: (row[name].hex(), row["label"]) for row in rows}


@pytest.mark.parametrize(("target", "partitions"), [(TILL, 1), (TILLS, 4)])
def test_a_backtest_gives_every_score_that_was_served(
    settings: Settings, tmp_path: Path, target: str, partitions: int
) -> None:
    given(settings, target, payments(0, EVENTS), partitions=partitions)
    pipeline = load(target)
    with worker(settings, target, tmp_path) as running:
        wait_folded(settings, pipeline, running)
    said, rows = backtested(settings, tmp_path / "scores.parquet", target)

    expected = served(settings, target)
    assert len(rows) == len(expected) == EVENTS
    assert again(rows, pipeline.name) == expected
    assert said["partitions"] == partitions
    assert said["pipelines"][pipeline.name]["counts"]["labels.learnt"] == EVENTS // 3
    assert said["pipelines"][pipeline.name]["overall"]["unlabelled_share"] == pytest.approx(2 / 3)


def test_side_by_side_on_topics_each_scores_as_alone(settings: Settings, tmp_path: Path) -> None:
    given(settings, TILL, payments(0, 600), partitions=1)
    _, together = backtested(settings, tmp_path / "both.parquet", TILL, TILLS)
    _, alone = backtested(settings, tmp_path / "one.parquet", TILL)

    assert again(together, "till") == again(together, "tills") == again(alone, "till")


def test_what_was_rejected_late_or_doubled_is_so_again(shop: Shop, tmp_path: Path) -> None:
    said, rows = backtested(shop.settings, tmp_path / "scores.parquet", SHOP)

    assert again(rows, "shop") == served(shop.settings, SHOP)
    counts = said["pipelines"]["shop"]["counts"]
    assert {what: counts.get(f"events.{what}", 0) for what in shop.story.expected} == shop.story.expected
    assert said["records"][shop.pipeline.topics(shop.settings.topic_prefix).events] == sum(shop.story.expected.values())


def test_a_model_that_learns_in_one_order_is_not_folded_over_four_partitions(settings: Settings) -> None:
    given(settings, TILLS, payments(0, 30), partitions=4)

    with pytest.raises(Problem, match=r'till has 4 partitions and learning="inline"'):
        ask(settings, "backtest", TILLS, TILL)


def test_topics_that_are_not_there_are_one_sentence(settings: Settings) -> None:
    with pytest.raises(Problem, match=r"there is no topic .*till\.labels: give a file with --events"):
        ask(settings, "backtest", TILL)


@pytest.mark.parametrize(("target", "partitions"), [(TILL, 1), (TILLS, 4)])
def test_a_backtest_that_goes_on_live_scores_each_event_once(
    settings: Settings, tmp_path: Path, target: str, partitions: int
) -> None:
    given(settings, target, payments(0, 900), partitions=partitions)
    out, log = tmp_path / "scores.parquet", tmp_path / "log"
    command = [*MILLRACE, "backtest", target, "--then-live", "--scores", str(out)]
    with ServerProcess("the shadow", command, log_path=log, env=environment(settings)) as shadow:
        wait("it has caught up", lambda: "has scored 900" in shadow.log(), [shadow], within_s=STARTED_S)
        for begin in (900, 1_400):
            feed(load(target), payments(begin, begin + 500), settings)
        wait("it has seen all", lambda: "has scored 1,900" in shadow.log(), [shadow], within_s=STARTED_S)
        worker_of(shadow).send_signal(signal.SIGINT)
        wait("it ends", lambda: not shadow.alive, [], within_s=STARTED_S)
    rows = pyarrow.parquet.read_table(out).to_pylist()
    stood, all_of_it = (backtested(settings, tmp_path / name, target, *until)[1] for name, until in CUTS)

    assert shadow.status == 0
    assert sorted(int(row["event_id"][1:]) for row in rows) == list(range(1_900))
    assert sum(row["label"] is not None for row in rows) == sum(row["label"] is not None for row in all_of_it)
    name = load(target).name
    assert {row["event_id"]: row[name] for row in stood}.items() <= {row["event_id"]: row[name] for row in rows}.items()
