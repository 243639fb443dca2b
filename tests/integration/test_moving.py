"""Partitions move between three and five workers while events come: one owner at a time, every event once, in order."""

import signal
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.settings import Settings, librdkafka, schema_registry
from schemas.registry import Registry
from streams.load import load
from streams.runtime.audit import Auditor
from streams.runtime.bind import bind
from streams.runtime.kafka import RealKafka
from tests.integration.harness import PIPELINES, STARTED_S, wait, wait_folded, worker, worker_of
from tests.integration.test_membership import shares
from tests.integration.test_restart import payments, written

pytestmark = pytest.mark.servers

TILLS = f"{PIPELINES / 'till.py'}:tills"
PARTITIONS = 4
INPUTS = 2
PART = 1_000


def test_partitions_move_among_three_and_five_workers_and_each_has_one_owner(
    settings: Settings, tmp_path: Path
) -> None:
    pipeline = load(TILLS)
    feed(pipeline, payments(0, PART), settings, partitions=PARTITIONS)
    with ExitStack() as running:
        workers = [running.enter_context(worker(settings, TILLS, tmp_path)) for _ in range(3)]
        spread(settings, workers, [1, 1, 2])
        feed(pipeline, payments(PART, 2 * PART), settings)
        workers += [running.enter_context(worker(settings, TILLS, tmp_path)) for _ in range(2)]
        spread(settings, workers, [0, 1, 1, 1, 1])
        for leaving in workers[1:4]:
            worker_of(leaving).send_signal(signal.SIGTERM)
        feed(pipeline, payments(2 * PART, 3 * PART), settings)
        spread(settings, [workers[0], workers[4]], [2, 2])
        wait_folded(settings, pipeline, workers[0], workers[4])
        wait("they are gone", lambda: not any(each.alive for each in workers[1:4]), [], within_s=STARTED_S)
        assert [left.status for left in workers[1:4]] == [0, 0, 0]
    found = written(settings, pipeline)["scored"]
    places = [(row["source_partition"], row["source_offset"]) for row in found]

    assert places == sorted(places)
    assert sorted(int(row["event_id"][1:]) for row in found) == list(range(3 * PART))
    verify(settings)


def spread(settings: Settings, workers: list[ServerProcess], partitions: list[int]) -> None:
    """Return once so many workers have so many partitions each, all inputs of a partition with the same worker."""

    def settled() -> bool:
        found = list(shares(settings).values())
        whole = all(share.count(number) == INPUTS for share in found for number in share)
        every = sorted({number for share in found for number in share}) == list(range(PARTITIONS))
        return whole and every and sorted(len(share) // INPUTS for share in found) == partitions

    wait(f"{len(workers)} workers share the partitions", settled, workers, within_s=STARTED_S)


def verify(settings: Settings) -> None:
    """Each ledger is one chain, so one owner after the other wrote it; folding again gives what it says."""
    with Registry(schema_registry(settings)) as registry:
        prefix = settings.topic_prefix
        binding = bind(load(TILLS), "score", prefix=prefix, registry=registry, partitions=PARTITIONS)
        with closing(RealKafka(librdkafka(settings))) as kafka:
            auditor = Auditor(binding=binding, kafka=kafka)
            audits = [auditor.audit(partition) for partition in range(PARTITIONS)]
    assert [audit.differences for audit in audits] == [[]] * PARTITIONS
