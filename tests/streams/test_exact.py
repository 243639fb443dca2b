"""Sums over runs of a row are what `math.fsum` says, whatever came, went or was put in between."""

from fractions import Fraction
from math import fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.exact import PrefixSums

EXTREMES = [5e-324, -5e-324, 2.2e-308, 1e308, -1e308, 1e-300, 0.1, -0.0, 2.0**-64, 2.0**-65, 1.7976931348623157e308]
FLOATS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(EXTREMES))
ROWS = st.lists(FLOATS, min_size=1, max_size=40)


def oracle(values: list[float]) -> float | None:
    """The correctly rounded sum; None beyond the largest float."""
    exact = sum((Fraction(value) for value in values), Fraction())
    try:
        return float(exact)
    except OverflowError:
        return None


def judge(row: PrefixSums, values: list[float], start: int, end: int) -> None:
    expected = oracle(values[start:end])
    if expected is None:
        with pytest.raises(OverflowError):
            row.sum(start, end)
    else:
        assert row.sum(start, end) == expected
    if start < end:
        assert row.means([start], end)[0] == float(sum(map(Fraction, values[start:end])) / (end - start))


@given(values=ROWS, data=st.data())
def test_the_sum_and_mean_of_any_run_are_rounded_once(values: list[float], data: st.DataObject) -> None:
    row = PrefixSums(values)
    start = data.draw(st.integers(0, len(values)))
    end = data.draw(st.integers(start, len(values)))

    judge(row, values, start, end)


@given(values=st.lists(FLOATS.filter(lambda x: abs(x) < 1e300), max_size=40), data=st.data())
def test_the_sum_is_that_of_fsum_in_any_order(values: list[float], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(values))

    assert PrefixSums(shuffled).sum(0, len(values)) == fsum(values)


@given(values=ROWS, inserted=FLOATS, data=st.data())
def test_a_value_put_in_between_is_as_if_it_had_come_there(
    values: list[float], inserted: float, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(values)))
    row = PrefixSums(values)

    row.insert(at, inserted)

    calm = [*values[:at], inserted, *values[at:]]
    for start in range(len(calm)):
        judge(row, calm, start, len(calm))
        judge(row, calm, 0, start)


@given(values=ROWS, later=FLOATS, data=st.data())
def test_what_is_forgotten_leaves_nothing_behind(values: list[float], later: float, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(values)))
    row = PrefixSums(values)

    row.forget(count)
    row.append(later)

    rest = [*values[count:], later]
    assert len(row.prefix) == len(rest) + 1
    for start in range(len(rest)):
        judge(row, rest, start, len(rest))


@given(values=ROWS, data=st.data())
def test_what_is_removed_leaves_nothing_behind(values: list[float], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(values) - 1))
    row = PrefixSums(values)

    row.remove(at)

    rest = [*values[:at], *values[at + 1 :]]
    for start in range(len(rest)):
        judge(row, rest, start, len(rest))


def test_a_sum_of_two_thirds_of_the_largest_float_overflows_by_name_and_its_mean_does_not() -> None:
    row = PrefixSums([1.2e308, 1.2e308])

    assert row.means([0], 2)[0] == 1.2e308
    with pytest.raises(OverflowError):
        row.sum(0, 2)
