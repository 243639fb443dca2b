"""Everything is killed, again and again, while a preloaded stream is scored: the run equals the calm one.

`CHAOS=long` (as `make chaos` sets it) makes it the long one.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import clickhouse_connect
import psutil
import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from infra.feed import feed
from infra.settings import Settings, clickhouse, librdkafka, schema_registry
from schemas.registry import Registry
from streams.load import load
from streams.runtime.audit import Auditor
from streams.runtime.bind import bind
from streams.runtime.kafka import RealKafka
from tests.integration.fleet import Broker, Fleet, Store, fleet, tended
from tests.integration.harness import PIPELINES, of_its_own, wait_folded, worker
from tests.integration.test_restart import payments, written
from tests.servers import Servers

pytestmark = pytest.mark.servers

TILLS = f"{PIPELINES / 'till.py'}:tills"
PARTITIONS = 4
WITHIN_S = 240.0
FROZEN_S = 16.0
"""Past the time-out of transactions and of sessions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done to a run, and how often."""

    events: int
    workers: int
    worker_kills: int
    zombies: int
    broker_kills: int
    sink_kills: int
    clickhouse_kills: int


SHORT = Plan(events=20_000, workers=2, worker_kills=4, zombies=1, broker_kills=1, sink_kills=2, clickhouse_kills=1)
LONG = Plan(events=100_000, workers=2, worker_kills=14, zombies=3, broker_kills=3, sink_kills=6, clickhouse_kills=2)
PLAN, SEEDS = (LONG, range(10)) if os.environ.get("CHAOS") == "long" else (SHORT, range(1))

Rows = Mapping[int, list[dict[str, Any]]]


def by_partition(settings: Settings) -> dict[str, Rows]:
    """Scores and outcomes of each partition in the order of the log."""
    found = written(settings, load(TILLS))
    return {
        topic: {p: list(rows) for p, rows in groupby(each, key=lambda row: row["source_partition"])}
        for topic, each in found.items()
    }


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A Kafka that may be killed; the registry is that of all tests."""
    with closing(Broker(tmp_path_factory.mktemp("broker"))) as running:
        yield running


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A ClickHouse that may be killed."""
    with closing(Store(tmp_path_factory.mktemp("clickhouse"))) as running:
        yield running


@pytest.fixture(scope="module")
def own(servers: Servers, broker: Broker, store: Store) -> Servers:
    return Servers(kafka_bootstrap=broker.bootstrap, registry_url=servers.registry_url, clickhouse_url=store.url)


@pytest.fixture(scope="module")
def calm(own: Servers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """What a run that nothing disturbs writes."""
    with of_its_own(own, "calm-") as settings:
        feed(load(TILLS), payments(0, PLAN.events), settings, partitions=PARTITIONS)
        with worker(settings, TILLS, tmp_path_factory.mktemp("calm")) as running:
            wait_folded(settings, load(TILLS), running, within_s=WITHIN_S)
        return by_partition(settings)


class Progress:
    """How many records the score stage has committed."""

    def __init__(self, settings: Settings) -> None:
        topics = load(TILLS).topics(settings.topic_prefix)
        self._asked = [TopicPartition(t, p) for t in (topics.events, topics.labels) for p in range(PARTITIONS)]
        self._consumer = Consumer({**librdkafka(settings), "group.id": topics.group(1, "score"), "log_level": 0})
        self.all = sum(self._consumer.get_watermark_offsets(tp, timeout=30)[1] for tp in self._asked)

    def close(self) -> None:
        self._consumer.close()

    def __call__(self) -> int:
        """-1 while the broker does not answer."""
        try:
            found = self._consumer.committed(self._asked, timeout=5)
        except KafkaException:
            return -1
        return sum(max(tp.offset, 0) for tp in found)


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_that_is_killed_everywhere_equals_the_calm_one(
    own: Servers, broker: Broker, store: Store, calm: dict[str, Rows], tmp_path: Path, seed: int
) -> None:
    with of_its_own(own, f"chaos-{seed}-") as settings:
        feed(load(TILLS), payments(0, PLAN.events), settings, partitions=PARTITIONS)
        with (
            closing(Progress(settings)) as progress,
            fleet("score", ["worker", TILLS, "--stage", "score"], PLAN.workers, settings, tmp_path) as workers,
            fleet("sink", ["sink", TILLS], 1, settings, tmp_path) as sinks,
        ):
            _disturb(Random(seed), workers, sinks, [broker.restart, store.restart], progress)
            tended("all is folded", lambda: progress() >= progress.all, [workers, sinks], within_s=WITHIN_S)
            found = by_partition(settings)
            expected = {topic: sum(map(len, rows.values())) for topic, rows in found.items()}
            tended("all is in ClickHouse", lambda: _stored(settings) == expected, [workers, sinks], within_s=60)

        assert len(workers.killed) == PLAN.worker_kills
        assert len(sinks.killed) == PLAN.sink_kills
        assert found == calm
        assert expected["scored"] == PLAN.events
        assert _doubled(settings) == {"scored": 0, "outcomes": 0}
        _verified(settings)


def _disturb(
    random: Random, workers: Fleet, sinks: Fleet, restarts: Sequence[Callable[[], None]], progress: Progress
) -> None:
    """What the plan says, at drawn moments of the run; each after some progress since the last."""
    kafka, clickhouse_server = restarts
    blows: list[Callable[[], None]] = [
        *[lambda: _kill(random, workers, sinks)] * PLAN.worker_kills,
        *[lambda: _freeze(random, workers, sinks)] * PLAN.zombies,
        *[lambda: _kill(random, sinks, workers)] * PLAN.sink_kills,
        *[kafka] * PLAN.broker_kills,
        *[clickhouse_server] * PLAN.clickhouse_kills,
    ]
    random.shuffle(blows)
    moments = sorted(random.sample(range(500, int(progress.all * 0.8)), len(blows)))
    for moment, blow in zip(moments, blows, strict=True):
        tended(f"{moment} records", lambda at=moment: progress() >= at, [workers, sinks], within_s=WITHIN_S)  # type: ignore[misc]
        blow()


def _kill(random: Random, struck: Fleet, other: Fleet) -> None:
    _hit(random, struck, other, signal.SIGKILL)


def _freeze(random: Random, workers: Fleet, sinks: Fleet) -> None:
    """A worker that sleeps until others have taken its partitions, and then goes on as if nothing had happened."""
    frozen = _hit(random, workers, sinks, signal.SIGSTOP)
    until = time.monotonic() + FROZEN_S
    tended("the zombie sleeps", lambda: time.monotonic() > until, [workers, sinks], within_s=WITHIN_S)
    frozen.send_signal(signal.SIGCONT)


def _hit(random: Random, struck: Fleet, other: Fleet, number: signal.Signals) -> psutil.Process:
    """Send a signal to a drawn process of a fleet, which has to run for that."""
    hit: list[psutil.Process] = []

    def sent() -> bool:
        process = struck.send(random.randrange(len(struck.members)), number)
        hit.extend([process] if process is not None else [])
        return process is not None

    tended("one to strike", sent, [struck, other], within_s=WITHIN_S)
    return hit[0]


def _stored(settings: Settings) -> dict[str, int]:
    return _asked(settings, "count()")


def _doubled(settings: Settings) -> dict[str, int]:
    return _asked(settings, "count() - uniqExact(topic, partition, offset)")


def _asked(settings: Settings, what: str) -> dict[str, int]:
    with clickhouse_connect.get_client(**clickhouse(settings)) as client:
        tables = {row[0] for row in client.query("SHOW TABLES").result_rows}
        return {t: client.command(f"SELECT {what} FROM {t}") if t in tables else 0 for t in ("scored", "outcomes")}  # type: ignore[misc]


def _verified(settings: Settings) -> None:
    """Every partition's ledger holds, and folding it again gives what the topics hold."""
    with Registry(schema_registry(settings)) as registry:
        pipeline = load(TILLS)
        prefix = settings.topic_prefix
        binding = bind(pipeline, "score", prefix=prefix, registry=registry, partitions=PARTITIONS)
        with closing(RealKafka(librdkafka(settings))) as kafka:
            auditor = Auditor(binding=binding, kafka=kafka)
            audits = [auditor.audit(partition) for partition in range(PARTITIONS)]
    assert [audit.differences for audit in audits] == [[]] * PARTITIONS
    assert [audit.chain_only for audit in audits] == [None] * PARTITIONS
    assert all(audit.records > 0 for audit in audits)
