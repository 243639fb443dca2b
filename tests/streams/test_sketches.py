"""Sketches of tiles: of what was added alone, within their stated errors, and of bounded size."""

from collections.abc import Iterable, Sequence
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from streams import sketches
from streams.columns import marks
from streams.sketches import different, quantile, with_mark, with_value

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TILED = st.lists(st.lists(FLOATS, max_size=12), min_size=1, max_size=6).filter(any)
SHARE = (9, 10)
MARK = marks("name")


class Named(BaseModel):
    """Something with a name."""

    name: str


def spread(values: Iterable[float]) -> bytes:
    return reduce(with_value, values, b"")


def marked(names: Iterable[object]) -> bytes:
    return reduce(with_mark, (MARK(Named(name=str(name))) for name in names), b"")


@given(
    values=st.lists(FLOATS, min_size=1, max_size=60), seed=st.randoms(use_true_random=False), buckets=st.integers(1, 9)
)
def test_neither_sketch_depends_on_the_order_of_values(values: list[float], seed: object, buckets: int) -> None:
    shuffled = values[:]
    seed.shuffle(shuffled)  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketches, "MOST_BUCKETS", buckets)
        patch.setattr(sketches, "MOST_MARKS", 5)

        assert spread(values) == spread(shuffled)
        assert marked(values) == marked(shuffled)


@given(tiles=TILED)
def test_sketches_of_tiles_say_what_one_of_all_values_says(tiles: list[list[float]]) -> None:
    values = [value for tile in tiles for value in tile]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketches, "MOST_MARKS", 5)

        assert quantile(map(spread, tiles), SHARE) == quantile([spread(values)], SHARE)
        assert different(map(marked, tiles)) == different([marked(values)])


@given(tiles=TILED)
def test_a_quantile_is_nearer_to_zero_than_the_exact_one_by_less_than_its_stated_error(
    tiles: list[list[float]],
) -> None:
    values = sorted(value for tile in tiles for value in tile)
    exact = values[-(-9 * len(values) // 10) - 1]
    told = quantile(map(spread, tiles), SHARE)

    assert abs(told) <= abs(exact)
    assert told == exact or abs(told) > abs(exact) * (1 - 1 / 128) or abs(exact) < 1e-306
    assert told * exact >= 0.0


@pytest.mark.parametrize("value", [0.0, 1.0, 7.0, 99.0, 0.5, -3.25, 250.0])
def test_what_eight_bits_hold_is_told_exactly(value: float) -> None:
    assert quantile([spread([value])], SHARE) == value


def test_a_tile_of_many_values_is_kept_less_precisely_and_no_larger() -> None:
    values = [1.001**n for n in range(20_000)]
    held = spread(values)
    told = [quantile([held], (part, 100)) for part in range(1, 100)]

    assert len(held) <= 1 + 8 * sketches.MOST_BUCKETS
    assert told == [pytest.approx(values[part * 200 - 1], rel=1 / 32) for part in range(1, 100)]


def test_tiles_of_different_precision_are_read_with_the_least_of_them() -> None:
    fine, coarse = [1.0, 2.0, 3.0, 1000.5], [1.001**n for n in range(20_000)]
    together = quantile([spread(fine), spread(coarse)], (1, 2))

    assert together == quantile([spread(fine + coarse)], (1, 2))


def test_different_values_are_counted_one_by_one_below_256() -> None:
    tiles = [range(start, start + 40) for start in range(0, 215, 20)]

    assert different(marked(tile) for tile in tiles) == 240.0


def _errors(many: int, runs: int) -> Sequence[float]:
    return [different([marked(f"{run}.{n}" for n in range(many))]) / many - 1 for run in range(runs)]


def test_an_estimate_of_many_has_the_stated_standard_error_and_no_bias() -> None:
    errors = _errors(2_000, 60)
    standard = (sum(error**2 for error in errors) / len(errors)) ** 0.5

    assert standard == pytest.approx(1 / 254**0.5, rel=0.3)
    assert abs(sum(errors) / len(errors)) < 3 * standard / 60**0.5


def test_marks_take_two_kilobytes_at_most() -> None:
    assert len(marked(range(5_000))) == 8 * sketches.MOST_MARKS
