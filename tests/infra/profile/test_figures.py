"""What is said of numbers, values and times, against numpy and the plainest code."""

from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.profile.categories import counted, folded, top
from infra.profile.column import ABSENT, column
from infra.profile.numbers import BARS, numbers
from infra.profile.times import times
from streams.monitor.column import QUANTILES

FLOATS = st.lists(st.floats(-1e9, 1e9) | st.sampled_from([0.0, 1.0, float("nan"), float("inf"), 1e200]), max_size=80)
TIMES = st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 2)), min_size=1, max_size=60)


@given(FLOATS)
def test_numbers_are_those_of_numpy(drawn: list[float]) -> None:
    found = numbers(np.array(drawn))
    kept = np.array([value for value in drawn if abs(value) <= 1e150])

    if not len(kept):
        assert found is None
        return
    assert found is not None
    assert found.unusable == len(drawn) - len(kept)
    assert (found.low, found.high) == (min(kept), max(kept))
    assert found.mean == pytest.approx(float(np.mean(kept)))
    assert found.deviation == pytest.approx(float(np.std(kept)))
    assert list(found.quantiles.values()) == pytest.approx(np.quantile(kept, list(QUANTILES.values())).tolist())
    assert (found.zeros, found.negative) == (sum(kept == 0.0), sum(kept < 0.0))
    assert sum(bar.count for bar in found.bars) + found.below + found.above == len(kept)
    assert len(found.bars) <= BARS
    for bar in found.bars[:-1]:
        inside = (kept == bar.low) if bar.low == bar.high else (kept >= bar.low) & (kept < bar.high)
        assert bar.count == inside.sum()


@given(st.lists(st.sampled_from("abcdefgh") | st.none(), min_size=1, max_size=60))
def test_values_are_counted(drawn: "list[str | None]") -> None:
    held = column("word", pa.chunked_array([pa.array(drawn, pa.string())]))
    expected = Counter(each for each in drawn if each is not None)
    assert held.distinct == len(expected)
    if not expected:
        assert held.kind == "empty"
        return
    assert held.codes is not None
    found = top(counted(held.codes, held.values), held.values, limit=3)

    assert {each.value: each.count for each in top(counted(held.codes, held.values), held.values)} == expected
    assert [each.count for each in found] == sorted(expected.values(), reverse=True)[:3]
    assert all(each.share == each.count / expected.total() for each in found)
    codes, kept = folded(held.codes, counted(held.codes, held.values), limit=2)
    assert [ABSENT if each is None else codes[n] for n, each in enumerate(drawn)] == codes.tolist()
    assert all(
        held.values[kept[code]] == each for each, code in zip(drawn, codes, strict=True) if 0 <= code < len(kept)
    )


@given(TIMES)
def test_times_are_in_order_or_not_within_their_partition(drawn: list[tuple[int, int]]) -> None:
    at_ms, partitions = np.array([each[0] for each in drawn]), np.array([each[1] for each in drawn])
    found = times(at_ms, partitions)
    newest: dict[int, int] = {}
    late = []
    for at, partition in drawn:
        late.append(max(0, newest.get(partition, at) - at))
        newest[partition] = max(newest.get(partition, at), at)

    assert found.out_of_order == sum(each > 0 for each in late)
    assert found.late_s == max(late) / 1000
    ordered = sorted(at_ms.tolist())
    assert found.gap_s == max((b - a for a, b in pairwise(ordered)), default=0) / 1000
    assert (found.first.timestamp() * 1000, found.last.timestamp() * 1000) == pytest.approx((ordered[0], ordered[-1]))
    assert sum(count for _, count in found.counts) == sum(found.hours) == sum(found.weekdays) == len(drawn)
    hours = Counter(datetime.fromtimestamp(at / 1000, UTC).hour for at in ordered)
    assert {hour: count for hour, count in enumerate(found.hours) if count} == hours
    weekdays = Counter(datetime.fromtimestamp(at / 1000, UTC).weekday() for at in ordered)
    assert {day: count for day, count in enumerate(found.weekdays) if count} == weekdays


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("amount", [1.5, 2.0, None], "number"),
        ("age", [20, 30, 40], "number"),
        ("customer_id", [1, 2, 1], "category"),
        ("payment_id", list(range(200)), "identifier"),
        ("id", list(range(200)), "identifier"),
        ("paid", [True, None, False], "truth value"),
        ("paid", [0, 1, 1], "truth value"),
        ("word", ["a", "b", "a"], "category"),
        ("word", [f"w{n}" for n in range(200)], "identifier"),
        ("note", [f"this is note number {n}" for n in range(200)], "text"),
        ("at", [datetime(2025, 1, 1, tzinfo=UTC)], "time"),
        ("nothing", [None, None], "empty"),
        ("tags", [["a"], ["b", "c"], ["a"]], "category"),
    ],
)
def test_kinds_follow_from_types_names_and_values(name: str, values: list[Any], kind: str) -> None:
    held = column(name, pa.chunked_array([pa.array(values)]))

    assert held.kind == kind
    assert held.count == sum(value is not None for value in values)
    assert held.distinct == len({str(value) for value in values if value is not None})
