"""The law of the index: whatever is added and removed in whatever order, each tag has the rows a dictionary says."""

from array import array
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams.index
from streams.index import LOW, Index, entries_of

TAGS = st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1), st.integers(2**32 - 4, 2**32 - 1))
ROWS = st.one_of(st.integers(0, 20), st.integers(2**32 - 10, 2**32 + 10))
MOVES = st.lists(st.tuples(st.sampled_from(["add", "add", "miss", "remove"]), TAGS, ROWS), max_size=60)


@pytest.fixture(autouse=True, scope="module")
def small_tables() -> Iterator[None]:
    """Tables of few entries, so that few entries have many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.index, "FULL", 2)
        yield


def found(index: Index, tag: int) -> list[int]:
    """The lowest bits of all rows of this tag."""
    each, all_ = index.first(tag), []
    while each is not None:
        all_.append(each)
        each = index.after(tag, each)
    return all_


@given(moves=MOVES)
def test_each_tag_has_the_rows_that_were_added_and_not_removed(moves: list[tuple[str, int, int]]) -> None:
    index = Index()
    naive: dict[int, list[int]] = {}
    for what, tag, row in moves:
        low, lows = row & LOW, naive.setdefault(tag, [])
        if what == "miss":
            index.first(tag)
        elif what == "add" and low not in lows:
            index.add(tag, row)
            lows.append(low)
        elif what == "remove" and low in lows:
            index.remove(tag, row)
            lows.remove(low)

        assert {each: found(index, each) for each in naive} == {each: sorted(lows) for each, lows in naive.items()}
        assert index.count == sum(map(len, naive.values()))


@given(entries=st.sets(st.tuples(TAGS, st.integers(0, 20)), max_size=60), more=MOVES)
def test_an_index_filled_at_once_goes_on_as_one_filled_one_by_one(
    entries: set[tuple[int, int]], more: list[tuple[str, int, int]]
) -> None:
    filled, added = Index(), Index()
    both = np.array(sorted(entries, key=lambda entry: entry[::-1]), dtype=np.uint64).reshape(-1, 2)
    filled.fill(array("Q", entries_of(both[:, 0], both[:, 1]).tobytes()))
    for tag, row in entries:
        added.add(tag, row)

    for _, tag, row in more:
        if (tag, row & LOW) not in entries:
            entries.add((tag, row & LOW))
            filled.add(tag, row)
            added.add(tag, row)

    assert filled.count == added.count == len(entries)
    for tag in {tag for tag, _ in entries} | {0, 1, 2**32 - 1}:
        assert found(filled, tag) == found(added, tag) == sorted(low for each, low in entries if each == tag)


def test_growth_leaves_no_table_with_many_times_the_average() -> None:
    index = Index()
    for n in range(2_000):
        index.add(n * 2_654_435_761 & 2**32 - 1, n)

    sizes = [len(table) for table in {id(table): table for table in index._tables}.values()]
    assert len(sizes) >= 1_000
    assert max(sizes) <= 16
