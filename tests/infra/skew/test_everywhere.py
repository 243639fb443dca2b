"""Rows of several stages are kept for as long as one of them may ask, and no longer."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from infra.skew import everywhere as tried
from infra.skew.everywhere import Everywhere, Seen
from schemas.outcome import Outcome
from schemas.reject import Reason, Reject
from schemas.scored import Scored
from streams.runtime.raw import Run
from streams.stage import Record, Role

REMEMBERED_MS = 5


class Topics:
    """Scores of events and outcomes of their labels, one a millisecond."""

    def __init__(self) -> None:
        self.written: dict[str, list[Any]] = {Scored.TOPIC: [], Outcome.TOPIC: []}

    def score(self, offset: int) -> None:
        self._write(Scored.TOPIC, "events", offset)

    def label(self, offset: int) -> None:
        self._write(Outcome.TOPIC, "labels", offset)

    def _write(self, topic: str, source: str, offset: int) -> None:
        place = {"source_topic": source, "source_partition": 0, "source_offset": offset}
        row = {"model_id": "ours/1", "event_id": str(offset), "event_time_ms": offset, **place}
        self.written[topic].append(SimpleNamespace(value=json.dumps(row)))

    def bounds(self, topic: str, _: int) -> tuple[int, int]:
        return 0, len(self.written[topic])

    def read(self, topic: str, partition: int, start: int) -> Iterator[Run]:
        _, end = self.bounds(topic, partition)
        yield Run(topic, start, end, end, self.written[topic][start:end])


@pytest.fixture
def topic() -> Topics:
    return Topics()


@pytest.fixture
def rows(topic: Topics, monkeypatch: pytest.MonkeyPatch) -> Everywhere:
    monkeypatch.setattr(tried, "own_decoder", lambda *_: json.loads)
    monkeypatch.setattr(tried, "score_sources", lambda *_: [SimpleNamespace(decode=None)])
    last: Any = SimpleNamespace(
        alone=True,
        pipeline=SimpleNamespace(name="taps", labels=True, digest="ours", remember_ms=REMEMBERED_MS),
        topics=SimpleNamespace(named=str),
        binding=SimpleNamespace(partitions=1),
        kafka=topic,
        registry=None,
    )
    return Everywhere(last)


def test_a_row_is_there_until_it_was_forgotten_twice(rows: Everywhere, topic: Topics) -> None:
    def there() -> list[int]:
        return [offset for offset in range(3) if rows.row(Scored, ("events", 0, offset)) is not None]

    found = []
    for offset in range(3):
        topic.score(offset)
        rows.read()
        found.append(there())
        rows.forget()
        found.append(there())

    assert found == [[0], [0], [0, 1], [1], [1, 2], [2]]
    assert rows.found["scored", 0] == 3


def test_an_event_waits_for_its_label_for_as_long_as_it_is_remembered(rows: Everywhere, topic: Topics) -> None:
    seen, waiting = Seen(rows), []
    for now in range(100):
        topic.score(now)
        rows.read()
        entry: Any = SimpleNamespace(event_time_ms=now)
        scored, outcomes = seen.take(entry, [Record(Role.EVENTS, "events", 0, now, now, None, None)])
        assert ([row["event_id"] for row in scored], outcomes) == ([str(now)], [])
        waiting.append(len(seen._came))
    for event in (99 - REMEMBERED_MS - 1, 99 - REMEMBERED_MS):
        topic.label(event)
        rows.read()
    labels = [Record(Role.LABELS, "labels", 0, 99 - REMEMBERED_MS - late, 99, None, None) for late in (1, 0)]
    _, outcomes = seen.take(entry, labels)

    assert max(waiting) == REMEMBERED_MS + 1
    assert [row["event_id"] for row in outcomes] == [str(99 - REMEMBERED_MS)]


def test_a_record_of_a_stranger_is_passed_over(
    topic: Topics, rows: Everywhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(value: Any) -> Any:
        if value == "junk":
            raise Reject(Reason.NOT_AVRO, "starts with byte 106")
        return json.loads(value)

    for name in (Scored.TOPIC, Outcome.TOPIC):
        monkeypatch.setitem(rows._decode, name, decode)
    topic.score(0)
    topic.written[Scored.TOPIC].append(SimpleNamespace(value="junk"))
    topic.score(1)

    rows.read()

    assert rows.found == {(Scored.TOPIC, 0): 2, (Outcome.TOPIC, 0): 0}
