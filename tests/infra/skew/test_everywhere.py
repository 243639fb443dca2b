"""Rows of several stages are kept for as long as one of them may ask, and no longer."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from infra.skew import everywhere as tried
from infra.skew.everywhere import Everywhere
from schemas.scored import Scored
from streams.runtime.raw import Run


class Topic:
    """Scores of events, one after the other."""

    def __init__(self) -> None:
        self.scored: list[Any] = []

    def score(self, offset: int) -> None:
        row = {"model_id": "ours/1", "source_topic": "events", "source_partition": 0, "source_offset": offset}
        self.scored.append(SimpleNamespace(value=json.dumps(row)))

    def bounds(self, topic: str, _: int) -> tuple[int, int]:
        return 0, len(self.scored) if topic == Scored.TOPIC else 0

    def read(self, topic: str, partition: int, start: int) -> Iterator[Run]:
        _, end = self.bounds(topic, partition)
        yield Run(topic, start, end, end, self.scored[start:end])


def test_a_row_is_there_until_it_was_forgotten_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "own_decoder", lambda *_: json.loads)
    monkeypatch.setattr(tried, "score_sources", lambda *_: [SimpleNamespace(decode=None)])
    topic = Topic()
    last: Any = SimpleNamespace(
        alone=True,
        pipeline=SimpleNamespace(name="taps", labels=None, digest="ours"),
        topics=SimpleNamespace(named=str),
        binding=SimpleNamespace(partitions=1),
        kafka=topic,
        registry=None,
    )
    rows = Everywhere(last)

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
