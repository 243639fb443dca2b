"""How a stage's memory is saved: windows, remembered events, and what is small."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.admit import Remembering
from streams.join import Join, JoinState
from streams.keyed_groups import Groups
from streams.keyed_windows import WindowState
from streams.ladder import Belief
from streams.numbers import Numbers, read_numbers, write_numbers
from streams.rows import Rows
from streams.stage import Saved

NUMBERS = b"scalars"


class Memory(NamedTuple):
    """What was saved."""

    windows: Sequence[WindowState]
    join: JoinState
    numbers: Numbers


class MemorySaving:
    """Numbers under `scalars`; what windows and join save has keys of its own."""

    def __init__(self, windows: Groups, join: Join) -> None:
        self._windows, self._join = windows, join

    def save(self, state: Remembering, belief: Belief | None = None) -> Saved:
        """Counts and times; windows of keys, segments of events and held labels that have changed."""
        rows, taught = state.join.rows, belief or Belief()
        numbers = Numbers(state.counts, taught, state.watermark_ms, rows.end, rows.forgotten_to, rows.horizon_ms)
        yield NUMBERS, write_numbers(numbers)
        yield from self._windows.save(state.windows)
        yield from self._join.save(state.join)

    def restore(self, values: Mapping[bytes, bytes]) -> Memory:
        """What was saved."""
        numbers = read_numbers(values[NUMBERS])
        rows = Rows(numbers.rows_end, numbers.forgotten_to, numbers.horizon_ms)
        return Memory(self._windows.restore(values), self._join.restore(rows, values), numbers)
