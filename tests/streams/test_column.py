from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.column import Column

VALUES = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.1, 0.3, 1e-9, 5e-324, 1e150, -1e150]), st.integers(0, 3))
MOVES = st.lists(
    st.tuples(st.sampled_from(["append"] * 4 + ["insert", "remove", "forget"]), st.integers(0, 5), VALUES),
    min_size=30,
    max_size=60,
)
RUNS = (2, 5)


def variance(values: Sequence[float]) -> float:
    centre = sum(map(Fraction, values)) / len(values)
    return float(sum((Fraction(value) - centre) ** 2 for value in values) / len(values))


@settings(max_examples=150)
@given(moves=MOVES, delay=st.integers(0, 2))
def test_runs_that_move_along_have_the_variance_and_extremes_of_a_plain_list(
    moves: list[tuple[str, int, float]], delay: int
) -> None:
    column, row = Column(), list[float]()
    for what, back, value in moves:
        if what == "append":
            column.append(float(value))
            row.append(float(value))
        elif what == "insert":
            column.insert(max(len(row) - back, 0), float(value))
            row.insert(max(len(row) - back, 0), float(value))
        elif what == "remove" and back < len(row):
            column.remove(len(row) - 1 - back)
            del row[len(row) - 1 - back]
        elif what == "forget" and len(row) > RUNS[-1] + delay:
            count = len(row) - RUNS[-1] - delay
            column.forget(count)
            del row[:count]
        end = len(row) - delay
        for place, length in enumerate(RUNS):
            start = max(end - length, 0)
            if what == "append" and start < end:
                inside = row[start:end]
                assert column.extreme(place, start, end, greatest=False) == min(inside)
                assert column.extreme(place, start, end, greatest=True) == max(inside)
                assert column.variance(start, end) == variance(inside)
                assert column.quantile(place, start, end, share=(1, 3)) == sorted(inside)[(len(inside) + 2) // 3 - 1]


def test_a_variance_beyond_the_largest_float_is_said() -> None:
    column = Column([1.7e308, -1.7e308])

    with pytest.raises(OverflowError):
        column.variance(0, 2)
