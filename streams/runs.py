"""Runs of a row that move along it: what is known of their values is changed by those that enter and leave alone."""

from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from sortedcontainers import SortedList

R = TypeVar("R", bound="Run")


class Run(ABC):
    """`row[start:end]`, of which neither end moves back without beginning anew. Each row enters once, leaves once."""

    __slots__ = ("end", "start")

    def __init__(self) -> None:
        self.start = self.end = 0

    def move(self, row: Sequence[float], start: int, end: int) -> None:
        """Be the run `row[start:end]`."""
        if not self.start <= start <= self.end <= end:
            self.clear()
            self.start = self.end = start
        for place in range(self.end, end):
            self.enter(row, place)
        for place in range(self.start, start):
            self.leave(row, place)
        self.start, self.end = start, end

    def forget(self, count: int) -> None:
        """The first `count` values of the row are dropped."""
        if self.start < count:
            self.clear()
            self.start = self.end = 0
        else:
            self.start -= count
            self.end -= count

    @abstractmethod
    def clear(self) -> None:
        """Hold nothing."""

    @abstractmethod
    def enter(self, row: Sequence[float], place: int) -> None:
        """The value at `place` is in the run now."""

    @abstractmethod
    def leave(self, row: Sequence[float], place: int) -> None:
        """The value at `place`, the run's first, is not in it any more."""


class Extreme(Run):
    """The least (or greatest) value, in constant time per value.

    `queue` holds the places of the run whose value nothing behind them undercuts: its first is the least. The ascending
    minima of Lemire, Streaming maximum-minimum filter using no more than three comparisons per element (2006).
    """

    __slots__ = ("greatest", "queue")

    def __init__(self, *, greatest: bool) -> None:
        super().__init__()
        self.greatest = greatest
        self.queue: deque[int] = deque()

    def forget(self, count: int) -> None:
        super().forget(count)
        self.queue = deque(place - count for place in self.queue)

    def clear(self) -> None:
        self.queue.clear()

    def enter(self, row: Sequence[float], place: int) -> None:
        queue, value = self.queue, row[place]
        while queue and (row[queue[-1]] <= value if self.greatest else row[queue[-1]] >= value):
            queue.pop()
        queue.append(place)

    def leave(self, row: Sequence[float], place: int) -> None:  # noqa: ARG002 (its place alone decides)
        if self.queue[0] == place:
            self.queue.popleft()


class Ordered(Run):
    """The values in ascending order, in logarithmic time per value."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        super().__init__()
        self.values: SortedList[float] = SortedList()

    def clear(self) -> None:
        self.values.clear()

    def enter(self, row: Sequence[float], place: int) -> None:
        self.values.add(row[place])

    def leave(self, row: Sequence[float], place: int) -> None:
        self.values.remove(row[place])


class Different(Run):
    """How often each value is in the run, in constant time per value."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[float] = Counter()

    def clear(self) -> None:
        self.counts.clear()

    def enter(self, row: Sequence[float], place: int) -> None:
        self.counts[row[place]] += 1

    def leave(self, row: Sequence[float], place: int) -> None:
        value = row[place]
        if self.counts[value] == 1:
            del self.counts[value]
        else:
            self.counts[value] -= 1


class Runs:
    """The runs that move along one row, by name and kind."""

    __slots__ = ("known",)

    def __init__(self) -> None:
        self.known: dict[tuple[Hashable, Callable[[], Run]], Run] = {}

    def moved(self, name: Hashable, new: Callable[[], R], row: Sequence[float], start: int, end: int) -> R:
        """The run of that name and kind, moved to `row[start:end]`; a `new` one, where there is none."""
        run = self.known.get((name, new))
        if run is None:
            run = self.known[name, new] = new()
        run.move(row, start, end)
        return run  # type: ignore[return-value]  # what `new` made is known by it

    def forget(self, count: int) -> None:
        """The first `count` values of the row are dropped."""
        for run in self.known.values():
            run.forget(count)

    def begin_anew(self) -> None:
        """Values have come or gone in the middle of the row."""
        self.known.clear()
