"""Pacing with handed-in time."""

import pytest

from producers.pace import Pace, rate, speed
from schemas.problem import Problem


def test_a_rate_counts_records_and_does_not_look_at_their_times() -> None:
    pace = rate("250/s")

    assert [pace.due_s(sent=sent, since_ms=since_ms) for sent, since_ms in ((0, 0), (1, 0), (500, 99))] == [0, 0.004, 2]
    assert rate("250") == pace


def test_a_speed_looks_at_times_and_does_not_count_records() -> None:
    pace = speed("3600x")

    assert [pace.due_s(sent=9, since_ms=since_ms) for since_ms in (0, 1_800_000, 86_400_000)] == [0, 0.5, 24]


def test_without_either_everything_is_due_at_once() -> None:
    assert Pace().due_s(sent=10**9, since_ms=10**12) == 0


@pytest.mark.parametrize("text", ["0", "fast", "-5", "10/m", "", "5x"])
def test_what_is_no_rate_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Problem, match="500/s"):
        rate(text)


@pytest.mark.parametrize("text", ["3600", "x", "0x", "-1x", "1/s"])
def test_what_is_no_speed_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Problem, match="3600x"):
        speed(text)


def test_a_rate_and_a_speed_together_are_refused() -> None:
    with pytest.raises(Problem, match="give one of them"):
        Pace(rate_per_s=1, speed=1)
