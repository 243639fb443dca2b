"""The order of folding: by time, role and offset, whatever was fetched first and however it was cut."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.merge import Merge
from streams.runtime.raw import Run
from tests.streams.runtime.logs import Stored, whole

TOPICS = ("labels", "events", "more")
Log = list[Stored]


@st.composite
def logs(draw: st.DrawFn, holes: bool = True) -> list[Log]:
    """One log per topic; times go back now and then, offsets may have holes where control markers were."""
    drawn = []
    for topic in TOPICS:
        times = draw(st.lists(st.integers(0, 12), max_size=12))
        steps = draw(st.lists(st.integers(1, 3 if holes else 1), min_size=len(times), max_size=len(times)))
        offsets = [end - 1 for end in accumulate(steps)]
        drawn.append([Stored(topic, offset, at_ms) for offset, at_ms in zip(offsets, times, strict=True)])
    return drawn


def oracle(given_logs: Sequence[Log]) -> list[Stored]:
    """All records sorted by (running maximum of the time in their log, role, offset)."""
    placed = []
    for rank, log in enumerate(given_logs):
        highest = list(accumulate((record.timestamp for record in log), max))
        placed += [(high_ms, rank, record.offset, record) for high_ms, record in zip(highest, log, strict=True)]
    return [record for *_, record in sorted(placed, key=lambda place: place[:3])]


def preloaded(given_logs: Sequence[Log]) -> Merge:
    merge = Merge(TOPICS, [0] * len(TOPICS))
    for topic, log in zip(TOPICS, given_logs, strict=True):
        assert merge.deliver(whole(topic, log))
    return merge


def records(taken: Sequence[tuple[int, object]]) -> list[object]:
    return [record for _, record in taken]


@given(given_logs=logs())
def test_preloaded_inputs_give_the_order_of_the_oracle(given_logs: list[Log]) -> None:
    merge = preloaded(given_logs)

    taken = merge.take(1_000)

    assert records(taken) == oracle(given_logs)
    assert [TOPICS[rank] for rank, _ in taken] == [record.topic for record in oracle(given_logs)]
    assert merge.disordered == 0


def cut(data: st.DataObject, topic: str, log: Log) -> list[Run]:
    """The log in runs of any length, each of which reports the final end."""
    end = log[-1].offset + 3 if log else data.draw(st.integers(0, 2))
    marks = sorted({0, end, *data.draw(st.lists(st.integers(0, end), max_size=5))})
    runs = [Run(topic, a, b, end, [record for record in log if a <= record.offset < b]) for a, b in pairwise(marks)]
    return runs or [Run(topic, 0, end, end, [])]


@given(given_logs=logs(), data=st.data())
def test_how_runs_are_cut_delivered_and_taken_changes_nothing(given_logs: list[Log], data: st.DataObject) -> None:
    queues = [cut(data, topic, log) for topic, log in zip(TOPICS, given_logs, strict=True)]
    ends = {queue[-1].topic: queue[-1].end for queue in queues}
    merge, taken = Merge(TOPICS, [0] * len(TOPICS)), []

    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        assert merge.deliver(queue.pop(0))
        taken += records(merge.take(data.draw(st.integers(0, 7))))
    while merge.ready:
        taken += records(merge.take(data.draw(st.integers(1, 7))))

    assert taken == oracle(given_logs)
    assert merge.disordered == 0
    assert {topic: each.folded for topic, each in merge.inputs.items()} == ends


@given(given_logs=logs(), data=st.data())
def test_positions_begin_again_where_they_ended(given_logs: list[Log], data: st.DataObject) -> None:
    merge = preloaded(given_logs)
    before = records(merge.take(data.draw(st.integers(0, 30))))
    positions = [merge.inputs[topic].folded for topic in TOPICS]

    again = Merge(TOPICS, positions)
    for topic, position, log in zip(TOPICS, positions, given_logs, strict=True):
        end = log[-1].offset + 1 if log else 0
        assert again.deliver(Run(topic, position, end, end, [r for r in log if r.offset >= position]))

    rest = records(again.take(1_000))
    assert sorted(before + rest) == sorted(oracle(given_logs))  # type: ignore[type-var]
    assert not set(before) & set(rest)


def merge_of_two(*runs: Run) -> Merge:
    merge = Merge(["labels", "events"], [0, 0])
    for run in runs:
        assert merge.deliver(run)
    return merge


EVENT = Run("events", 0, 1, 1, [Stored("events", 0, 10)])


@pytest.mark.parametrize(
    "other",
    [
        [],
        [Run("labels", 0, 0, None, [])],
        [Run("labels", 0, 0, 1, [])],
        [Run("labels", 0, 3, 4, [])],
        [Run("labels", 0, 3, None, [])],
    ],
    ids=["never fetched", "end unknown", "behind its end", "behind its end after a hole", "moved, end unknown"],
)
def test_nothing_is_taken_while_it_is_unknown_what_another_input_holds(other: list[Run]) -> None:
    merge = merge_of_two(EVENT, *other)

    assert merge.blocked
    assert not merge.ready
    assert merge.take(10) == []


def test_an_input_that_falls_behind_again_blocks_again() -> None:
    merge = merge_of_two(EVENT, Run("labels", 0, 0, 0, []))
    assert merge.ready

    merge.deliver(Run("labels", 0, 0, 5, []))

    assert merge.blocked


def test_a_record_is_taken_once_the_other_input_is_at_its_end_or_has_a_later_head() -> None:
    at_end = merge_of_two(EVENT, Run("labels", 0, 0, 0, []))
    more_to_come = EVENT._replace(stable=9)
    later = merge_of_two(more_to_come, Run("labels", 0, 1, 9, [Stored("labels", 0, 11)]))

    assert records(at_end.take(10)) == [EVENT.records[0]]
    assert records(later.take(10)) == [EVENT.records[0]]
    assert later.blocked


def test_at_equal_times_labels_come_before_events() -> None:
    merge = merge_of_two(EVENT, whole("labels", [Stored("labels", 0, 10), Stored("labels", 1, 10)]))

    assert [rank for rank, _ in merge.take(10)] == [0, 0, 1]


@pytest.mark.parametrize("start", [0, 1, 3, 4, 9])
def test_a_run_that_does_not_follow_is_refused_and_leaves_no_trace(start: int) -> None:
    first = Run("events", 0, 2, 9, [Stored("events", 0, 10), Stored("events", 1, 11)])
    merge = merge_of_two(first)

    taken = merge.deliver(Run("events", start, start + 1, 9, [Stored("events", start, 12)]))

    assert not taken
    assert merge.inputs["events"].fetched == 2
    assert len(merge.inputs["events"].records) == 2


def test_control_markers_move_the_position_behind_them() -> None:
    records_then_marker = Run("events", 0, 3, 3, [Stored("events", 0, 10), Stored("events", 1, 10)])
    merge = merge_of_two(records_then_marker, Run("labels", 0, 2, 2, []))

    assert merge.inputs["labels"].folded == 2
    assert len(merge.take(1)) == 1
    assert merge.inputs["events"].folded == 1
    merge.take(1)
    assert merge.inputs["events"].folded == 3


def test_a_marker_behind_buffered_records_does_not_move_the_position_yet() -> None:
    merge = merge_of_two(EVENT, Run("events", 1, 2, 2, []))

    assert merge.inputs["events"].folded == 0
    assert not merge.ready
    merge.deliver(Run("labels", 0, 0, 0, []))
    merge.take(1)
    assert merge.inputs["events"].folded == 2


def test_a_record_that_comes_behind_the_merge_point_is_taken_and_counted() -> None:
    merge = merge_of_two(EVENT, Run("labels", 0, 0, 0, []))
    merge.take(10)

    merge.deliver(Run("labels", 0, 2, 2, [Stored("labels", 0, 9), Stored("labels", 1, 10)]))

    assert len(merge.take(10)) == 2
    assert merge.disordered == 2
    merge.deliver(Run("labels", 2, 3, 3, [Stored("labels", 2, 11)]))
    assert len(merge.take(10)) == 1
    assert merge.disordered == 2


def test_times_that_go_back_within_one_input_are_no_disorder() -> None:
    back = [Stored("events", n, at_ms) for n, at_ms in enumerate((10, 5, 10, 1))]
    merge = merge_of_two(whole("events", back), whole("labels", [Stored("labels", 0, 10), Stored("labels", 1, 7)]))

    assert [(rank, raw.offset) for rank, raw in merge.take(10)] == [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (1, 3)]
    assert merge.disordered == 0
