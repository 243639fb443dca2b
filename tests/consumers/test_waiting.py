"""A ClickHouse that takes its time: the sink keeps its group, holds no more than it may, says what it waits for."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from consumers import pace
from consumers.buffer import Buffer, Limits
from consumers.clickhouse import ClickHouse
from consumers.intent import Intent
from consumers.pace import ROW_BYTES, occupied, to_pause
from consumers.rows import Raw
from consumers.tables import SCORED
from schemas.problem import Outage, Problem
from tests.consumers.fake_kafka import FETCHED, Member
from tests.consumers.fake_record import Place
from tests.consumers.world import PIPELINE, Later, World

LONG: dict[Place, list[bool]] = {("scored", 0): [True] * 90, ("outcomes", 0): [True] * 30}
ROW = occupied(Raw(None, b"99", ()))
INSERT = ClickHouse.insert
FEW = Limits(interval_s=1.0, rows=1_000, all_bytes=20 * ROW)


def value(world: World, name: str, **labels: str) -> float:
    pipeline, version = PIPELINE
    found = world.metrics.registry.get_sample_value(name, {"pipeline": pipeline, "version": str(version), **labels})
    assert found is not None
    return found


def test_what_is_held_is_bounded_and_the_group_kept_while_clickhouse_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, logs=LONG, executor=partial(Later, 60))
    held: list[int] = []

    def noted(buffers: Mapping[Place, Buffer], under_way_bytes: int) -> int:
        held.append(under_way_bytes + sum(buffer.size_bytes for buffer in buffers.values()))
        return held[-1]

    monkeypatch.setattr(pace, "held", noted)
    world.run(limits=FEW)

    assert world.broken() == []
    assert FEW.all_bytes <= max(held) < FEW.all_bytes + FETCHED * ROW
    assert world.cluster.generation == 1


def test_rows_under_way_count_as_lag_and_a_wait_is_told_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(monkeypatch, logs={("scored", 0): [True] * 3, ("outcomes", 0): []}, executor=partial(Later, 60))
    seen: list[tuple[float, float]] = []

    def insert(*args: Any) -> None:
        lag = value(world, "millrace_sink_lag_records", topic="scored")
        seen.append((lag, value(world, "millrace_sink_round_seconds")))
        INSERT(*args)

    monkeypatch.setattr(ClickHouse, "insert", insert)
    with caplog.at_level(logging.WARNING, logger="consumers"):
        world.run()

    assert all(lag == 3 and waited_s > 30 for lag, waited_s in seen)
    told = [record.getMessage().split(":")[0] for record in caplog.records]
    assert told == ["the check of scored[0] 0 to 3 has taken 11 s so far"]


def test_a_partition_whose_intent_is_not_read_yet_is_never_paused() -> None:
    waiting = Buffer(topic="t", partition=0, start=0, intent=Intent(start=0, end=9, token="a"))
    for offset in range(8):
        waiting.add(offset, SCORED, (), size_bytes=ROW_BYTES, now_s=0.0)
    limits = Limits(rows=1, bytes=1, all_bytes=1)

    assert to_pause({("t", 0): waiting}, limits, 1 << 40) == set()

    waiting.reach(9)
    assert to_pause({("t", 0): waiting}, limits, 0) == {("t", 0)}


def test_an_intent_behind_the_end_of_the_log_stops_the_sink_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)
    world.cluster.committed["scored", 0] = (2, Intent(start=2, end=99, token="a").text())

    with pytest.raises(Problem, match=r"scored\[0\] ends at \d+, before the 99"):
        world.run()


@pytest.mark.parametrize(
    ("code", "kind"),
    [(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, Outage), (KafkaError.GROUP_AUTHORIZATION_FAILED, Problem)],
)
def test_an_offset_that_is_not_told_is_not_taken_for_none(
    code: int, kind: type[Problem], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Untold(TopicPartition):
        error = KafkaError(code)

    def committed(_: Member, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:  # noqa: ARG001
        return [Untold(one.topic, one.partition) for one in partitions]

    monkeypatch.setattr(Member, "committed", committed)

    with pytest.raises(Problem, match="does not tell the sink's offsets") as raised:
        World(monkeypatch).run()

    assert type(raised.value) is kind
