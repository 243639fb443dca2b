"""A row of one field's values, and what beyond its sum may be asked of a run of it: variance, least, greatest."""

from collections import deque
from collections.abc import Iterable, Sequence

from streams.exact import PrefixSums


class Extreme:
    """The least (or greatest) value of a run that moves along a row, in constant time per value.

    `queue` holds the rows of the run whose value nothing behind them undercuts: its first is the least. The ascending
    minima of Lemire, Streaming maximum-minimum filter using no more than three comparisons per element (2006).
    """

    __slots__ = ("end", "greatest", "queue")

    def __init__(self, *, greatest: bool) -> None:
        self.greatest = greatest
        self.queue: deque[int] = deque()
        self.end = 0

    def over(self, values: Sequence[float], start: int, end: int) -> float:
        """Of `values[start:end]`, which must not be empty, nor begin or end before the last."""
        queue, greatest = self.queue, self.greatest
        for row in range(max(self.end, start), end):
            value = values[row]
            while queue and (values[queue[-1]] <= value if greatest else values[queue[-1]] >= value):
                queue.pop()
            queue.append(row)
        while queue[0] < start:
            queue.popleft()
        self.end = end
        return values[queue[0]]

    def forget(self, count: int) -> None:
        """The first `count` values of the row are dropped, which the run has left behind."""
        self.queue = deque(row - count for row in self.queue if row >= count)
        self.end -= count


class Column(PrefixSums):
    """Exact sums of the values and of their squares, and the extremes of runs that move along.

    A variance is that of a population, (n Σx² - (Σx)²) / n², computed in integers and rounded once.
    """

    __slots__ = ("extremes", "squares")

    def __init__(self, values: Iterable[float] = ()) -> None:
        self.squares = [0]
        self.extremes: dict[tuple[int, bool], Extreme] = {}
        super().__init__(values)

    def append(self, x: float) -> None:
        super().append(x)
        step = self.prefix[-1] - self.prefix[-2]
        self.squares.append(self.squares[-1] + step * step)

    def insert(self, at: int, x: float) -> None:
        super().insert(at, x)
        square, squares = (self.prefix[at + 1] - self.prefix[at]) ** 2, self.squares
        squares[at + 1 :] = [squares[at] + square, *(each + square for each in squares[at + 1 :])]
        self.extremes.clear()

    def remove(self, at: int) -> None:
        squares = self.squares
        square = squares[at + 1] - squares[at]
        squares[at + 1 :] = [each - square for each in squares[at + 2 :]]
        super().remove(at)
        self.extremes.clear()

    def forget(self, count: int) -> None:
        super().forget(count)
        del self.squares[:count]
        for extreme in self.extremes.values():
            extreme.forget(count)

    def variance(self, start: int, end: int) -> float:
        """Of `row[start:end]`, which must not be empty. Raises `OverflowError` beyond the largest float."""
        n = end - start
        total, squares = self.prefix[end] - self.prefix[start], self.squares[end] - self.squares[start]
        return (n * squares - total * total) / (n * self.scale) ** 2

    def extreme(self, place: int, start: int, end: int, *, greatest: bool) -> float:
        """The least or greatest value of `row[start:end]`, which must not be empty; `place` says whose run that is."""
        key = (place, greatest)
        found = self.extremes.get(key)
        if found is None:
            found = self.extremes[key] = Extreme(greatest=greatest)
        return found.over(self.values, start, end)

    def _refine(self, bits: int) -> None:
        super()._refine(bits)
        self.squares = [each << 2 * bits for each in self.squares]
