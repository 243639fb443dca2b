"""Workers as members of their group: who comes back, who leaves, who is replaced, who is fenced."""

import json
import signal
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.settings import Settings, librdkafka
from schemas.problem import Problem
from streams.load import load
from tests.integration.harness import (
    MILLRACE,
    PIPELINES,
    READ_S,
    STARTED_S,
    environment,
    metrics_url,
    scrape,
    wait,
    wait_folded,
    worker,
    worker_of,
)
from tests.integration.test_restart import owned, payments, written

pytestmark = pytest.mark.servers

TILLS = f"{PIPELINES / 'till.py'}:tills"
HALVES = {(0, 0, 2, 2), (1, 1, 3, 3)}
ENDED_S = 30.0


def shares(settings: Settings) -> dict[str, tuple[int, ...]]:
    """Per member of the score stage's group, by its instance id, the numbers of its partitions of all topics."""
    group = load(TILLS).topics(settings.topic_prefix).group(1, "score")
    admin = AdminClient({**librdkafka(settings)})  # answers only while it is held
    found: Any = admin.describe_consumer_groups([group], request_timeout=READ_S)[group].result(READ_S)
    return {
        each.group_instance_id: tuple(sorted(tp.partition for tp in each.assignment.topic_partitions))
        for each in found.members
    }


def test_a_killed_worker_comes_back_as_itself_and_a_stopped_one_leaves(settings: Settings, tmp_path: Path) -> None:
    pipeline = load(TILLS)
    feed(pipeline, payments(0, 600), settings, partitions=4)
    with worker(settings, TILLS, tmp_path) as first, worker(settings, TILLS, tmp_path) as second:
        wait("both own two", lambda: set(shares(settings).values()) == HALVES, [first, second], within_s=STARTED_S)
        names = set(shares(settings))
        worker_of(second).kill()
        wait("it is gone", lambda: not second.alive, [], within_s=ENDED_S)
        feed(pipeline, payments(600, 1_200), settings)
        with worker(settings, TILLS, tmp_path) as again:
            wait("it owns two again", lambda: owned(again) == 2, [first, again], within_s=STARTED_S)
            assert set(shares(settings)) == names
            assert set(shares(settings).values()) == HALVES
            worker_of(again).send_signal(signal.SIGTERM)
            wait("it stops", lambda: not again.alive, [], within_s=ENDED_S)
            assert len(shares(settings)) == 1
        feed(pipeline, payments(1_200, 1_800), settings)
        wait_folded(settings, pipeline, first)
    numbers = sorted(int(row["event_id"][1:]) for row in written(settings, pipeline)["scored"])

    assert numbers == list(range(1_800))


def test_two_processes_that_take_themselves_for_one_member_do_not_both_go_on(
    settings: Settings, tmp_path: Path
) -> None:
    pipeline = load(TILLS)
    feed(pipeline, payments(0, 600), settings, partitions=4)
    with worker(settings, TILLS, tmp_path) as first:
        wait_folded(settings, pipeline, first)
        (apart := tmp_path / "apart").mkdir()
        command = [*MILLRACE, "worker", TILLS, "--stage", "score"]
        variables = {**environment(settings), "TMPDIR": str(apart)}
        with ServerProcess("its double", command, log_path=apart / "log", env=variables) as double:
            wait("the first stops", lambda: not first.alive, [double], within_s=STARTED_S)
            feed(pipeline, payments(600, 1_200), settings)
            wait_folded(settings, pipeline, double)
            assert double.alive

    assert first.status == Problem.status
    assert "error: another process has joined as" in first.log()
    assert len(written(settings, pipeline)["scored"]) == 1_200


def test_a_partition_that_is_taken_over_and_still_assigned_is_owned_again(settings: Settings, tmp_path: Path) -> None:
    pipeline = load(TILLS)
    topics = pipeline.topics(settings.topic_prefix)
    feed(pipeline, payments(0, 600), settings, partitions=4)
    with worker(settings, TILLS, tmp_path) as running:
        wait_folded(settings, pipeline, running)
        stranger = {"transactional.id": f"{topics.transactional_id(1, 'score', 2)}", "retry.backoff.ms": 2}
        Producer({**librdkafka(settings), **stranger}).init_transactions(READ_S)
        feed(pipeline, payments(600, 1_200), settings)
        wait_folded(settings, pipeline, running)
        lost = [sample.value for sample in scrape(running)["millrace_fenced"].samples if sample.name.endswith("_total")]
        with urlopen(metrics_url(running).replace("/metrics", "/health"), timeout=READ_S) as answer:
            health = json.load(answer)
    numbers = sorted(int(row["event_id"][1:]) for row in written(settings, pipeline)["scored"])

    assert lost == [1.0]
    assert "partition 2 was taken over" in running.log()
    assert numbers == list(range(1_200))
    assert (health["healthy"], health["reasons"]) == (True, [])
    assert sorted(health["partitions"]) == ["0", "1", "2", "3"]
    assert all(told["seq"] > 0 and len(told["positions"]) == 2 for told in health["partitions"].values())
