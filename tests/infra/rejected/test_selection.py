"""What is meant by a reason, a place, an offset or a time."""

import pytest

from infra.rejected.record import Origin, Rejected
from infra.rejected.selection import Selection, place, since
from schemas.problem import Problem

ENDS = {0: 10, 1: 20, 2: 0}


def rejected(partition: int = 0, offset: int = 5, *, time_ms: int = 1_000, reason: str = "invalid") -> Rejected:
    origin = Origin("taps.events", 0, 1, "score", reason, "no")
    return Rejected(partition, offset, time_ms, b"k", b"v", [], origin)


def test_nothing_given_means_everything() -> None:
    assert Selection().takes(rejected())
    assert Selection().starts(ENDS) == {0: 0, 1: 0}


def test_all_that_is_given_must_hold() -> None:
    selection = Selection(reasons=frozenset({"invalid", "empty"}), since_ms=1_000)

    assert selection.takes(rejected())
    assert not selection.takes(rejected(time_ms=999))
    assert not selection.takes(rejected(reason="not_avro"))


def test_only_the_partitions_of_the_places_are_read_from_the_first_place_on() -> None:
    selection = Selection(at=frozenset({(1, 7), (1, 3), (5, 0)}))

    assert selection.starts(ENDS) == {1: 3}
    assert [selection.takes(rejected(1, offset)) for offset in (3, 4, 7)] == [True, False, True]


def test_a_start_behind_the_end_of_a_partition_leaves_it_out() -> None:
    assert since("15").starts(ENDS) == {1: 15}


def test_a_time_without_a_zone_is_utc() -> None:
    assert since("2025-03-02") == since("2025-03-02T00:00Z") == since("2025-03-02T01:00+01:00")


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "1h", "12:00"])
def test_what_is_neither_offset_nor_time_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="write 1200, 2025"):
        since(text)


@pytest.mark.parametrize("text", ["", "1", "1:", ":1", "-1:2", "1:2:3", "a:b"])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="PARTITION:OFFSET"):
        place(text)
