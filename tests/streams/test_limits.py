"""Rejects stop a partition at the same record however its records are batched, and never a stream that is well."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.problem import Problem
from schemas.reject import Reason, Reject
from streams import Limits, Pipeline
from streams.limits import Tallies, Tally
from streams.stage import Emitted, Record, Refused, Role
from tests.streams.builders import definition

REJECT = Reject(Reason.INVALID, "amount: too small")
SMALL = Limits(rejects_in_a_row=4, reject_ratio=0.5, over=10)
OUTCOMES = st.lists(st.tuples(st.sampled_from(["events", "labels"]), st.booleans()), max_size=60)
"""Of each record in order: its topic, and whether it is rejected."""

Outcomes = Sequence[tuple[str, bool]]


def folded(outcomes: Outcomes) -> tuple[list[Record], list[Emitted]]:
    """Records as a stage was given them, and what it refused of them."""
    records, refused = list[Record](), list[Emitted]()
    ends = {"events": 0, "labels": 0}
    for topic, rejected in outcomes:
        record = Record(Role.EVENTS, topic, 0, ends[topic], 1, b"a", None)
        ends[topic] += 1
        records.append(record)
        if rejected:
            refused.append(Refused(record, REJECT))
    return records, refused


def told(limits: Limits, outcomes: Outcomes, cuts: Sequence[int] = ()) -> tuple[str | None, Tallies]:
    """What the limits say first, and the tallies in the end, where the records come in batches cut at `cuts`."""
    records, refused = folded(outcomes)
    tallies: Tallies = {}
    first: str | None = None
    for start, end in zip([0, *cuts], [*cuts, len(records)], strict=True):
        batch = records[start:end]
        said = limits.count(tallies, batch, [e for e in refused if isinstance(e, Refused) and e.record in batch])
        first = first or said
    return first, tallies


def naive(limits: Limits, outcomes: Outcomes) -> tuple[str, int] | None:
    """Topic and offset of the record that stops, looking back from each record over all before it."""
    seen: dict[str, list[bool]] = {"events": [], "labels": []}
    for topic, rejected in outcomes:
        past = seen[topic]
        past.append(rejected)
        block = past[(len(past) - 1) // limits.over * limits.over :]
        run = len(past) >= limits.rejects_in_a_row and all(past[-limits.rejects_in_a_row :])
        if rejected and (run or sum(block) / limits.over > limits.reject_ratio):
            return topic, len(past) - 1
    return None


@given(outcomes=OUTCOMES, data=st.data())
def test_the_cut_of_batches_changes_neither_the_record_nor_the_tallies(outcomes: Outcomes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(outcomes)), max_size=8)))

    assert told(SMALL, outcomes, cuts) == told(SMALL, outcomes)


@given(
    outcomes=OUTCOMES, in_a_row=st.integers(1, 6), ratio=st.sampled_from([0.0, 0.2, 0.5, 1.0]), over=st.integers(1, 9)
)
def test_the_record_that_stops_is_the_first_that_meets_a_limit(
    outcomes: Outcomes, in_a_row: int, ratio: float, over: int
) -> None:
    limits = Limits(rejects_in_a_row=in_a_row, reject_ratio=ratio, over=over)
    said, _ = told(limits, outcomes)
    stops = naive(limits, outcomes)

    assert (said is None) == (stops is None)
    if said is not None and stops is not None:
        assert f"of {stops[0]}/0 were rejected, the last at offset {stops[1]} (invalid: amount: too small)" in said


@given(outcomes=OUTCOMES, cut=st.integers(0, 60))
def test_tallies_that_were_written_down_and_read_again_go_on_as_they_were(outcomes: Outcomes, cut: int) -> None:
    records, refused = folded(outcomes)
    tallies: Tallies = {}
    SMALL.count(tallies, records[:cut], [e for e in refused if isinstance(e, Refused) and e.record in records[:cut]])

    again = {topic: Tally(*list(tally)) for topic, tally in tallies.items()}
    SMALL.count(again, records[cut:], [e for e in refused if isinstance(e, Refused) and e.record in records[cut:]])

    assert again == told(SMALL, outcomes)[1]


def test_one_good_record_ends_a_run() -> None:
    run = [("events", True)] * 3

    assert told(SMALL, [*run, ("events", False), ("events", True)])[0] is None
    said = told(SMALL, [*run, ("events", True)])[0]
    assert said is not None
    assert said.startswith("4 records in a row of events/0")
    assert "rejects_in_a_row=4" in said


def test_a_good_event_does_not_hide_that_labels_all_break() -> None:
    said, _ = told(SMALL, [("labels", True), ("events", False)] * 4)

    assert said is not None
    assert "labels/0" in said


def test_a_share_stops_where_no_run_does() -> None:
    said, _ = told(SMALL, [("events", number % 3 > 0) for number in range(10)])

    assert said is not None
    assert said.startswith("6 of 9 records of events/0")
    assert "reject_ratio=0.5" in said


def test_one_in_a_hundred_never_stops_the_defaults() -> None:
    outcomes = [("events", number % 100 == 50) for number in range(30_000)]

    assert told(Limits(), outcomes, range(0, 30_000, 1_000))[0] is None


@pytest.mark.parametrize(
    ("changed", "cure"),
    [
        ({"rejects_in_a_row": 0}, "1 or more"),
        ({"over": 0}, "1 or more"),
        ({"over": 0.5}, "a whole number"),
        ({"reject_ratio": 1.5}, "between 0 and 1"),
        ({"reject_ratio": "half"}, "between 0 and 1"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(changed: dict[str, float], cure: str) -> None:
    with pytest.raises(Problem, match=cure):
        Limits(**changed)  # type: ignore[arg-type]  # what is wrong here


def test_other_limits_are_no_other_definition() -> None:
    given = definition()

    assert Pipeline(**given, limits=Limits(rejects_in_a_row=5)).digest == Pipeline(**given).digest
