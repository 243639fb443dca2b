"""Latency counts from when a payment was due, whoever was late; what is kept up is found by halves."""

import pytest

from infra.bench.paced import Pace, Paced
from infra.bench.stream import START_MS, Stream
from infra.bench.sustained import kept_up, sustained
from infra.bench.trial import Trial
from infra.bench.watch import Seen
from schemas.problem import Problem

STREAM = Stream(label_after=10)
PACE = Pace(target="any", stream=STREAM, start=100, end=104, rate_per_s=2.0, told="any")
PACED = Paced(begun_s=50.0, late_p99_ms=0.0, late_most_ms=0.0)


def seen(n: int, at_s: float) -> Seen:
    return Seen(at_s, START_MS + n * STREAM.step_ms, n, b"")


def test_a_score_that_comes_late_has_waited_since_its_payment_was_due() -> None:
    found = Trial(PACE, PACED, [seen(100, 52.0), seen(101, 52.0), seen(102, 52.0), seen(103, 52.0)])

    assert found.latencies_ms().tolist() == [2_000.0, 1_500.0, 1_000.0, 500.0]
    assert found.latencies_ms(warm_s=0.75).tolist() == [1_000.0, 500.0]
    assert found.whole


def test_who_leaves_payments_out_or_falls_behind_does_not_keep_up() -> None:
    steady = [seen(n, 50.01 + (n - 100) / 2) for n in range(100, 104)]

    assert kept_up(Trial(PACE, PACED, steady))
    assert not kept_up(Trial(PACE, PACED, steady[1:]))
    assert not kept_up(Trial(PACE, PACED, [*steady[:3], seen(103, 53.0)]))
    assert not kept_up(Trial(PACE, PACED, []))


def test_a_late_sender_and_a_missing_score_are_doubts() -> None:
    late = Paced(begun_s=50.0, late_p99_ms=30.0, late_most_ms=40.0)
    all_seen = [seen(n, 51.0) for n in range(100, 104)]

    assert Trial(PACE, PACED, all_seen).doubts(p99_ms=50.0, late_ms=10.0) == []
    assert Trial(PACE, late, all_seen).doubts(p99_ms=200.0, late_ms=10.0) == []
    assert Trial(PACE, late, all_seen).doubts(p99_ms=50.0, late_ms=10.0) == [
        "the sender was late by 30.0 ms at its p99, so payments came otherwise"
    ]
    assert Trial(PACE, PACED, all_seen[1:]).doubts(p99_ms=50.0, late_ms=10.0) == ["3 of 4 scores were seen in time"]


def test_no_score_at_all_is_a_problem_with_its_rate() -> None:
    with pytest.raises(Problem, match="at 2/s"):
        Trial(PACE, PACED, []).latencies_ms()


def test_the_greatest_rate_is_found_between_the_last_that_held_and_the_first_that_did_not() -> None:
    asked: list[int] = []

    def holds(rate: int) -> bool:
        asked.append(rate)
        return rate <= 2_600

    assert sustained(holds, least_per_s=1_000) == 2_500
    assert asked == [1_000, 2_000, 4_000, 3_000, 2_500, 2_750]
    assert sustained(lambda _: False, least_per_s=1_000) == 0
