"""What the definitions say of sums and means of any floats: those of fractions, rounded once."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.skew.naive import Naive
from infra.skew.verbs import Seen, evaluate, exactly, total
from streams import per, sketches
from streams.aggregate import Aggregate
from tests.streams.builders import Tap

FLOATS = st.lists(st.one_of(st.floats(-1e9, 1e9), st.floats(-1.7e308, 1.7e308)), min_size=1, max_size=8)


@given(values=FLOATS)
def test_a_sum_is_that_of_fractions_and_a_mean_is_rounded_once(values: list[float]) -> None:
    inside = [Seen(str(n), n, {"amount": value}) for n, value in enumerate(values)]
    fractions = sum(map(Fraction, values), Fraction())
    of_mean = evaluate(Aggregate(verb="mean", field="amount"), inside, inside[-1])

    assert exactly(values) == fractions
    assert of_mean == float(fractions / len(values))
    if abs(fractions) < 1.7e308:
        assert total(values) == float(fractions)


def test_a_quantile_of_tiles_is_as_precise_as_the_tile_with_the_most_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "MOST_BUCKETS", 2)
    asked = Aggregate(verb="quantile", field="amount", q="0.5")
    inside = [Seen(str(n), 10 * n, {"amount": 1.0 + n / 128}) for n in range(4)]

    assert [evaluate(asked, inside, inside[-1], tile_ms) for tile_ms in (0, 10, 20, 40)] == [
        1.0 + 1 / 128,
        1.0 + 1 / 128,
        1.0 + 1 / 128,
        1.0,
    ]


def test_different_texts_are_estimated_of_tiles_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "MOST_MARKS", 8)
    asked = Aggregate(verb="distinct", field="shop")
    inside = [Seen(str(n), n, {}, {"shop": str(n)}) for n in range(8)]

    assert evaluate(asked, inside, inside[-1]) == 8.0
    assert evaluate(asked, inside, inside[-1], 10) not in (0.0, 8.0)
    assert evaluate(asked, inside[:7], inside[6], 10) == 7.0


def test_both_zeros_are_one_value_to_the_naive_too() -> None:
    naive = Naive([per("card").over("20ms").distinct("amount")])
    told = [naive.add(Tap(tap_id=str(n), at_ms=n, amount=amount), str(n), n) for n, amount in enumerate((0.0, -0.0))]

    assert len({each.texts["amount"] for each in told}) == 1
