"""A row of one field's values, and what beyond its sum may be asked of a run of it."""

from array import array
from collections.abc import Hashable, Iterable
from functools import partial

from streams.exact import PrefixSums
from streams.runs import Different, Extreme, Ordered, Runs

LEAST, GREATEST = partial(Extreme, greatest=False), partial(Extreme, greatest=True)


class Column(PrefixSums):
    """Exact sums of the values and of their squares, and the order of the values in runs that move along.

    A variance is that of a population, (n Σx² - (Σx)²) / n², computed in integers and rounded once.
    """

    __slots__ = ("runs", "squares")

    def __init__(self, values: Iterable[float] = ()) -> None:
        self.squares = [0]
        self.runs = Runs()
        super().__init__(values)

    def append(self, x: float) -> None:
        super().append(x)
        step = self.prefix[-1] - self.prefix[-2]
        self.squares.append(self.squares[-1] + step * step)

    def insert(self, at: int, x: float) -> None:
        super().insert(at, x)
        square, squares = (self.prefix[at + 1] - self.prefix[at]) ** 2, self.squares
        squares[at + 1 :] = [squares[at] + square, *(each + square for each in squares[at + 1 :])]
        self.runs.begin_anew()

    def remove(self, at: int) -> None:
        squares = self.squares
        square = squares[at + 1] - squares[at]
        squares[at + 1 :] = [each - square for each in squares[at + 2 :]]
        super().remove(at)
        self.runs.begin_anew()

    def forget(self, count: int) -> None:
        super().forget(count)
        del self.squares[:count]
        self.runs.forget(count)

    def variance(self, start: int, end: int) -> float:
        """Of `row[start:end]`, which must not be empty. Raises `OverflowError` beyond the largest float."""
        n = end - start
        total, squares = self.prefix[end] - self.prefix[start], self.squares[end] - self.squares[start]
        return (n * squares - total * total) / (n * self.scale) ** 2

    def extreme(self, name: Hashable, start: int, end: int, *, greatest: bool) -> float:
        """The least or greatest value of `row[start:end]`, which must not be empty; `name` is the run's."""
        kind = GREATEST if greatest else LEAST
        return self.values[self.runs.moved(name, kind, self.values, start, end).queue[0]]

    def quantile(self, name: Hashable, start: int, end: int, *, share: tuple[int, int]) -> float:
        """The least value of `row[start:end]`, not empty, with a `share`, a fraction, of values at most as great."""
        ordered = self.runs.moved(name, Ordered, self.values, start, end).values
        part, whole = share
        value: float = ordered[-(-part * (end - start) // whole) - 1]
        return value

    def _refine(self, bits: int) -> None:
        super()._refine(bits)
        self.squares = [each << 2 * bits for each in self.squares]


class Marks:
    """A row of marks, whole numbers of 64 bits, and how many different ones are in runs that move along."""

    __slots__ = ("runs", "values")

    def __init__(self) -> None:
        self.values = array("q")
        self.runs = Runs()

    def append(self, mark: int) -> None:
        """Add a mark to the end of the row."""
        self.values.append(mark)

    def insert(self, at: int, mark: int) -> None:
        """Put a mark before that at index `at`."""
        self.values.insert(at, mark)
        self.runs.begin_anew()

    def remove(self, at: int) -> None:
        """Take the mark at index `at` out of the row."""
        del self.values[at]
        self.runs.begin_anew()

    def forget(self, count: int) -> None:
        """Drop the first `count` marks."""
        del self.values[:count]
        self.runs.forget(count)

    def distinct(self, name: Hashable, start: int, end: int) -> int:
        """How many different marks are in `row[start:end]`; `name` is the run's."""
        return len(self.runs.moved(name, Different, self.values, start, end).counts)
