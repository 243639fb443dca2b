"""Events on three partitions of any key, keyed anew for a score stage on one or two, on a log in memory."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from schemas.problem import Problem
from schemas.reject import Reason
from schemas.rekeyed import HEADER_FROM, HEADER_KEY
from schemas.scored import Scored
from streams import Pipeline
from streams.runtime import codec
from streams.runtime.audit import Auditor
from streams.runtime.bind import bind
from streams.runtime.codec import Encoder
from streams.runtime.owner import Owner
from streams.runtime.partition import partition_of
from streams.runtime.task import Binding
from tests.simulation.client import Client
from tests.simulation.faults import Plan
from tests.simulation.log import Log
from tests.simulation.planting import Plant
from tests.streams.builders import EVENTS, LABELS, Tap, labels, pipeline
from tests.streams.runtime.logs import Stored
from tests.streams.runtime.taps import REGISTRY, TAP

REKEY, SCORE = "rekey_events", "score"
REKEYED = "taps.v1.rekey_events.rekeyed"
READS = 3
"""Partitions of the input."""
TAPS = 60
COMMON = {"lateness": "10s", "labels": labels(horizon="20s"), "remember": "20s", "learning": "inline_per_partition"}
made = partial(pipeline, rekey=("events",), **COMMON)


def tap(number: int) -> Stored:
    """One of a card that its key says nothing of; every tenth cannot be read."""
    fields = Tap(tap_id=str(number), at_ms=1_000 + number, card=f"c{number % 7}", amount=number / 7).model_dump()
    key = None if number % 2 else b"t%d" % number
    value = b"nonsense" if number % 10 == 9 else TAP(fields)
    return Stored(EVENTS, 0, 1_000 + number, key, value, [("trace", b"%d" % number)])


class World:
    """The stages of a pipeline on `partitions`, each on its topics."""

    def __init__(self, partitions: int = 1, definition: Pipeline | None = None) -> None:
        self.log, self.partitions = Log(), partitions
        self.definition = definition if definition is not None else made()
        topics = self.definition.topics()
        for topic in (*topics.outputs, LABELS, REKEYED):
            self.log.create(topic, topic, partitions)
        self.log.create(EVENTS, EVENTS, READS)
        for stage, many in ((REKEY, READS), (SCORE, partitions)):
            for name in (topics.ledger(1, stage), topics.state(1, stage)):
                self.log.create(name, name, many)

    @property
    def kafka(self) -> Client:
        return Client(self.log, Plan())

    def bound(self, stage: str) -> Binding:
        return bind(self.definition, stage, prefix="", registry=REGISTRY, partitions=self.partitions, reads=READS)

    def arrive(self, numbers: Sequence[int]) -> "World":
        """On the partitions in turn, whatever their keys."""
        for number in numbers:
            self.log.append(EVENTS, [tap(number)], number % READS)
        return self

    def own(self, stage: str, partition: int) -> Any:
        return Owner(binding=self.bound(stage), kafka=self.kafka, clock=float).own(partition)

    def fold(self, stage: str, *, limit: int = 1_000) -> "World":
        """Each partition by a worker of its own, batches of `limit`; it is gone afterwards, and nothing is saved."""
        for partition in range(self.bound(stage).partitions):
            owned = self.own(stage, partition)
            for topic, position in owned.task.positions.items():
                for run in self.kafka.read(topic, partition, position):
                    assert owned.deliver(run)
            while (batch := owned.fold(limit)) is not None:
                owned.commit(batch)
            owned.close()
        return self

    def audit(self, stage: str) -> list[str]:
        bound = self.bound(stage)
        auditor = Auditor(binding=bound, kafka=self.kafka)
        return [told for partition in range(bound.partitions) for told in auditor.audit(partition).differences]

    def read(self, topic: str) -> list[Stored]:
        found = self.log.topics[topic].partitions
        return [record for each in found for record in each.read(0, each.high)]

    def scored(self) -> dict[str, list[float]]:
        decode = self.bound("monitor").sources[0].decode
        rows = [Scored(**decode(record.value)) for record in self.read("taps.scored")]
        assert len({row.event_id for row in rows}) == len(rows)
        return {row.event_id: row.features for row in rows}


def readable(numbers: Sequence[int]) -> set[str]:
    return {str(number) for number in numbers if number % 10 != 9}


@pytest.mark.parametrize("partitions", [1, 2])
def test_each_record_stands_as_it_came_in_the_partition_of_its_card(partitions: int) -> None:
    world = World(partitions).arrive(range(TAPS)).fold(REKEY)

    came = {record.value: record for record in world.read(EVENTS)}
    found = world.read(REKEYED)
    assert len(found) == len(readable(range(TAPS)))
    for record in found:
        was = came[record.value]
        number = int(was.headers[0][1])
        assert record.key == b"c%d" % (number % 7)
        assert record.partition == partition_of(record.key, partitions)
        assert record.timestamp == was.timestamp
        own = [(HEADER_FROM, f"{EVENTS}/{was.partition}@{was.offset}".encode())]
        assert record.headers == [*was.headers, *own, *([(HEADER_KEY, was.key)] if was.key is not None else [])]


@pytest.mark.parametrize("partitions", [1, 2])
def test_what_is_keyed_anew_is_scored_as_if_it_had_come_so(partitions: int) -> None:
    world = World(partitions)
    for number in range(TAPS):
        world.arrive([number]).fold(REKEY)  # in the order of their times; any other is another order of events
    world.fold(SCORE)

    alone = World(1, pipeline(**COMMON))
    for number in range(TAPS):
        alone.log.append(EVENTS, [tap(number)._replace(key=b"c%d" % (number % 7))])
    alone.fold(SCORE)
    assert world.scored() == alone.scored()
    assert world.scored().keys() == readable(range(TAPS))


def test_a_stage_that_is_started_again_goes_on_and_its_ledger_holds() -> None:
    world = World(2)
    for start in range(0, TAPS, 20):
        world.arrive(range(start, start + 20)).fold(REKEY, limit=3).fold(SCORE)

    assert world.scored().keys() == readable(range(TAPS))
    assert world.audit(REKEY) == world.audit(SCORE) == []
    entries = [world.bound(REKEY).ledger.entry(record.value) for record in world.read("taps.v1.rekey_events.ledger")]
    became = {name: sum(each.counts.get(name, 0) for each in entries) for name in ("events.rekeyed", "events.rejected")}
    assert became == {"events.rekeyed": TAPS - TAPS // 10, "events.rejected": TAPS // 10}
    assert sum(each.roles.get("events", 0) for each in entries) == TAPS


def test_what_cannot_be_read_is_rejected_where_there_is_a_partition_and_each_task_knows_its_own() -> None:
    world = World(2).arrive(range(TAPS)).fold(REKEY)

    rejected = world.read("taps.rejected")
    assert sorted(dict(each.headers)["trace"] for each in rejected) == [b"19", b"29", b"39", b"49", b"59", b"9"]
    assert {dict(each.headers)["millrace.error.stage"] for each in rejected} == {b"rekey_events"}
    for record in rejected:
        number, partition = (int(dict(record.headers)[name]) for name in ("trace", "millrace.error.partition"))
        assert (partition, record.partition) == (number % READS, partition % 2)


@pytest.mark.parametrize(("topic", "told"), [(REKEYED, "lacks one of its outputs"), ("taps.rejected", "lacks one of")])
def test_an_output_that_is_gone_is_named(topic: str, told: str) -> None:
    world = World().arrive(range(TAPS)).fold(REKEY)
    partition = world.log.partition(topic)
    partition.slots = [slot for slot in partition.slots if slot.offset != 1]

    (found,) = world.audit(REKEY)
    assert told in found
    assert topic in found


def test_a_version_that_begins_with_the_latest_scores_all_that_was_keyed_anew_for_it() -> None:
    world = World(definition=made(begin="latest")).arrive(range(20))
    for partition in range(READS):
        world.own(REKEY, partition).close()

    world.arrive(range(20, TAPS)).fold(REKEY).fold(SCORE)

    assert world.scored().keys() == readable(range(20, TAPS))


def test_a_key_field_that_changed_is_another_definition() -> None:
    world = World().arrive(range(TAPS)).fold(REKEY)

    world.definition = made(rekey=("events", "labels"))
    with pytest.raises(Problem, match="rekey is changed"):
        world.own(REKEY, 0)


def test_what_a_record_says_itself_of_where_it_came_from_is_not_believed() -> None:
    world = World()
    world.log.append(EVENTS, [tap(0)._replace(headers=[(HEADER_KEY, b"x"), (HEADER_FROM, b"y/0@1"), ("own", b"z")])])

    world.fold(REKEY)

    (record,) = world.read(REKEYED)
    assert record.headers == [("own", b"z"), (HEADER_FROM, b"taps.events/0@0"), (HEADER_KEY, b"t0")]


@pytest.mark.parametrize(
    ("given", "reason"), [({"key": None}, Reason.WRONG_KEY), ({"partition": 1}, Reason.WRONG_PARTITION)]
)
def test_who_forgets_it_is_told(given: dict[str, Any], reason: str) -> None:
    (source,) = (
        s
        for s in bind(pipeline(), SCORE, prefix="", registry=REGISTRY, partitions=1).sources
        if s.key_field == "card" and s.topic == EVENTS
    )

    value: Any = codec.decode(source, tap(0)._replace(**{"key": b"c0", **given}), 1).value

    assert value.reason is reason
    assert 'rekey=("events",)' in value.message


def test_what_is_keyed_anew_is_not_told_to_be() -> None:
    cures = {source.topic: source.cure for source in World().bound(SCORE).sources}

    assert cures == {REKEYED: None, LABELS: 'rekey=("labels",)'}


PLANTS = [
    Plant(
        "in the partition that it came from",
        Encoder._moved,
        "partition_of(rekeyed.key, partitions)",
        "raw.partition % partitions",
    ),
    Plant(
        "under the key that it had",
        Encoder._moved,
        "Message(topic, rekeyed.key, raw.value",
        "Message(topic, raw.key, raw.value",
    ),
    Plant("rejected in its own partition", Encoder._rejected, "None if self.anew is None else", "None if True else"),
]


@pytest.mark.parametrize("plant", PLANTS, ids=[plant.name for plant in PLANTS])
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant.put(monkeypatch)

    with pytest.raises((AssertionError, IndexError)):
        test_what_is_keyed_anew_is_scored_as_if_it_had_come_so(2)
