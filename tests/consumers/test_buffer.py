"""What waits for its insert: when it is due, and which range goes."""

import pytest

from consumers.buffer import Batch, Buffer, Limits
from consumers.intent import Intent
from consumers.tables import OUTCOMES, REJECTED, SCORED

LIMITS = Limits(interval_s=1.0, rows=3, bytes=1000)


def buffer(offsets: list[int], *, start: int = 0, intent: Intent | None = None, size_bytes: int = 1) -> Buffer:
    waiting = Buffer(topic="t", partition=0, start=start, intent=intent)
    for offset in offsets:
        waiting.add(offset, SCORED, ("t", 0, offset), size_bytes=size_bytes, now_s=0.0)
    return waiting


def offsets_of(batch: Batch) -> list[int]:
    return [row[2] for _, rows in batch.rows.values() for row in rows]


def test_nothing_read_is_never_due() -> None:
    assert not buffer([]).due(LIMITS, 1e9)


@pytest.mark.parametrize(("offsets", "at_s", "due"), [([0], 0.9, False), ([0], 1.0, True), ([0, 1, 2], 0.0, True)])
def test_rows_are_due_after_the_interval_or_when_they_are_many(offsets: list[int], at_s: float, due: bool) -> None:
    assert buffer(offsets).due(LIMITS, at_s) is due


def test_rows_are_due_when_they_are_large() -> None:
    assert buffer([0, 1], size_bytes=500).due(LIMITS, 0.0)


def test_the_range_ends_at_the_position_that_was_read_not_at_the_last_record() -> None:
    waiting = buffer([4, 7], start=2)
    waiting.reach(10)

    batch = waiting.take(LIMITS, lambda: "token", now_s=1.0, taken_s=1.0)

    assert batch.intent == Intent(start=2, end=10, token="token")
    assert (waiting.start, waiting.waiting, waiting.passed) == (10, 0, None)


def test_more_than_the_limit_goes_in_several_batches_without_a_gap() -> None:
    waiting = buffer([0, 2, 4, 6, 8])

    batches = [waiting.take(LIMITS, lambda: "token", now_s=1.0, taken_s=1.0) for _ in range(2)]

    assert [(batch.intent.start, batch.intent.end) for batch in batches] == [(0, 6), (6, 9)]
    assert [offsets_of(batch) for batch in batches] == [[0, 2, 4], [6, 8]]


def test_an_intent_that_was_found_goes_first_and_is_exactly_its_range() -> None:
    found = Intent(start=0, end=5, token="old")
    waiting = buffer([0, 1, 2, 4, 5, 6], intent=found)

    batches = [waiting.take(LIMITS, lambda: "new", now_s=1.0, taken_s=1.0) for _ in range(2)]

    assert [(batch.intent.token, batch.resumed) for batch in batches] == [("old", True), ("new", False)]
    assert [offsets_of(batch) for batch in batches] == [[0, 1, 2, 4], [5, 6]]


def test_an_intent_that_was_found_waits_until_its_range_has_been_read() -> None:
    waiting = buffer([0, 1], intent=Intent(start=0, end=5, token="old"))

    assert not waiting.due(LIMITS, 1e9)

    waiting.reach(5)
    assert waiting.due(LIMITS, 0.0)


def test_one_range_may_go_to_two_tables() -> None:
    waiting = buffer([0])
    waiting.add(1, REJECTED, ("t", 0, 1), size_bytes=1, now_s=0.0)

    batch = waiting.take(LIMITS, lambda: "token", now_s=1.0, taken_s=1.0)

    assert {name: len(rows) for name, (_, rows) in batch.rows.items()} == {"scored": 1, "rejected": 1}
    assert OUTCOMES.name not in batch.rows


def test_markers_alone_are_passed_without_an_insert() -> None:
    waiting = buffer([], start=3)
    waiting.reach(5)

    assert not waiting.due(LIMITS, 1e9)
    assert waiting.passed == 5


def test_a_partition_is_full_at_twice_the_limits() -> None:
    assert not buffer([0, 1, 2, 3, 4]).full(LIMITS)
    assert buffer([0, 1, 2, 3, 4, 5]).full(LIMITS)
    assert buffer([0], size_bytes=2000).full(LIMITS)
