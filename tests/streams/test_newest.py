"""The newest time of what was written is that of what is held, however it is held and however long it is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams import per
from streams.aggregate import Windows
from streams.holding import holding
from streams.newest import TOGETHER, newest_of, newest_of_each

KINDS: dict[str, Windows] = {
    "exact": per("card").over("1h", "1d").count().mean("amount").quantile("amount", "0.5"),
    "delayed": per("card").over("1h", delay="1h").count(),
    "rated": per("card").over("1h", "1d", delay="1h").rate("label").mean("amount", default=0.0),
    "tiled": per("card").over("1d", tile="1h").count().mean("amount", default=0.0),
    "decayed": per("card").decayed("1h").mean("amount", default=0.0),
}
TIMES = st.lists(st.integers(1, 10**13), min_size=1, max_size=12)


@pytest.mark.parametrize("kind", KINDS)
@given(times=st.lists(TIMES, max_size=5))
def test_the_newest_time_is_read_where_it_was_written(kind: str, times: list[list[int]]) -> None:
    how = holding([KINDS[kind]], 0)
    held = [how.new() for _ in times]
    for each, at in zip(held, times, strict=True):
        for time_ms in at:
            each.add(time_ms, [1.5] * len(how.kept))
    written = [each.write() for each in held]

    assert newest_of_each(how.new(), written) == [each.newest_ms for each in held] == [max(at) for at in times]
    assert [newest_of(how.new(), each) for each in written] == [max(at) for at in times]


def test_more_than_are_looked_at_at_once() -> None:
    how = holding([KINDS["exact"]], 0)
    written = []
    for number in range(TOGETHER + 3):
        held = how.new()
        for time_ms in range(number, number + 1 + number % 2):
            held.add(time_ms, [1.5] * len(how.kept))
        written.append(held.write())

    assert newest_of_each(how.new(), written) == [number + number % 2 for number in range(TOGETHER + 3)]
