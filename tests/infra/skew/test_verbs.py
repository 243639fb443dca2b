"""What the definitions say of sums and means of any floats: those of fractions, rounded once."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from infra.skew.verbs import Seen, evaluate, exactly, total
from streams.aggregate import Aggregate

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
