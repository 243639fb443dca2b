"""Nothing of several stages is checked before it has gone all the way, whatever a broker says first."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from confluent_kafka import TopicPartition

from infra.skew.settled import Settled
from schemas.problem import Problem
from streams.runtime.ports import Mark
from streams.runtime.raw import Run

LEDGERS, PASSED = ("first.ledger", "last.ledger"), "passed"


class Broker:
    """Two stages of one partition: what is written to the topic between them, how much of that is known to be
    committed, and how far the second has come."""

    def __init__(self) -> None:
        self.written, self.committed, self.folded = 10, 10, 10
        self.ledgers = dict.fromkeys(LEDGERS, 3)
        self.uncommitted = 0
        self.rows: dict[tuple[str, int], int] = {}

    def bounds(self, topic: str, _: int) -> tuple[int, int]:
        return 0, self.committed if topic == PASSED else self.ledgers[topic]

    def read(self, topic: str, _: int, start: int, end: int | None = None) -> Iterator[Run]:
        end = min(self.bounds(topic, 0)[1], end if end is not None else self.written)
        records: Sequence[Any] = [SimpleNamespace(value=n) for n in range(start, end)]
        yield Run(topic, start, end, end, records)

    def list_offsets(self, asked: Mapping[TopicPartition, Any], **_: Any) -> dict[TopicPartition, Future[Any]]:
        told = {}
        for place in asked:
            written = self.written if place.topic == PASSED else self.ledgers[place.topic] + self.uncommitted
            told[place] = Future[Any]()
            told[place].set_result(SimpleNamespace(offset=written))
        return told

    def stages(self) -> list[Any]:
        return [self._stage(name, ledger) for name, ledger in zip(("first", "last"), LEDGERS, strict=True)]

    def _stage(self, name: str, ledger: str) -> Any:
        topic = SimpleNamespace(topic=ledger, entry=lambda _: SimpleNamespace(counts={"events.scored": 2}))
        binding = SimpleNamespace(ledger=topic, topics=(PASSED,), group=name, partitions=1)
        kafka = SimpleNamespace(bounds=self.bounds, read=self.read, committed=self._marks)
        return SimpleNamespace(
            stage=name, pipeline=SimpleNamespace(name="taps"), binding=binding, kafka=kafka, admin=self
        )

    def _marks(self, *_: Any) -> dict[str, Mark | None]:
        return {PASSED: Mark(self.folded, "") if self.folded else None}


def settled(broker: Broker, found: int = 6, forget: Callable[[], None] = lambda: None) -> Settled:
    """With so many rows to be read."""
    rows: Any = SimpleNamespace(read=lambda: None, found={("scored", 0): found, ("outcomes", 0): 0}, forget=forget)
    return Settled(broker.stages(), rows)


def test_ledgers_are_told_as_far_as_everything_has_come_out() -> None:
    assert settled(Broker()).look() == {("first", 0): 3, ("last", 0): 3}


def test_they_are_told_as_they_were_when_it_was_first_asked() -> None:
    broker = Broker()
    broker.folded = 0
    found = settled(broker)

    assert found.look() is None
    broker.folded, broker.ledgers["first.ledger"] = 10, 5
    assert found.look() == {("first", 0): 3, ("last", 0): 3}
    assert found.look() == {("first", 0): 5, ("last", 0): 3}


def test_what_a_broker_does_not_yet_know_to_be_committed_is_waited_for() -> None:
    broker = Broker()
    broker.committed = broker.folded = 4
    found = settled(broker)

    assert found.look() is None
    broker.committed = 10
    assert found.look() is None
    broker.folded = 10
    assert found.look() is not None


def test_rows_that_are_not_there_yet_are_waited_for() -> None:
    assert settled(Broker(), found=5).look() is None


def test_rows_are_forgotten_once_all_that_stood_in_the_ledgers_is_checked() -> None:
    broker, forgotten = Broker(), Mock()
    found = settled(broker, forget=forgotten)

    def checked() -> int:
        assert found.look() is not None
        found.checked()
        return int(forgotten.call_count)

    broker.uncommitted = 1  # of an entry of which a row was read, though no broker tells of it yet
    assert [checked(), checked(), checked()] == [1, 1, 1]
    broker.uncommitted, broker.ledgers["first.ledger"] = 0, 4
    assert checked() == 1  # the other ledger's is not checked
    broker.ledgers["last.ledger"] = 4
    found._told.clear()  # its rows are there
    assert [checked(), checked()] == [2, 3]


def test_a_stage_that_does_not_come_on_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.skew.settled.WITHIN_S", 0.0)
    broker = Broker()
    broker.folded = 0

    with pytest.raises(Problem, match="last of taps has not folded all that was passed on to it"):
        settled(broker).wait()
    broker.folded = 10
    assert settled(broker).wait() == {("first", 0): 3, ("last", 0): 3}
