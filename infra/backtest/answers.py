"""What was said of events and what became known of them, as columns: one row for each event that was scored."""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from infra.backtest.trace import NAN, NONE, Trace

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Column = TypeVar("Column", Floats, Ints)


class Said(NamedTuple):
    """What somebody said: a score, a class (`NONE`: none), and the probability given to what became the truth.

    The score is the probability of the positive class, the predicted value, or how unusual the event is. `given` is
    for classes of more than two, NaN where there are no probabilities or no truth yet.
    """

    scores: Floats
    classes: Ints
    given: Floats

    def at(self, rows: Ints) -> "Said":
        """These rows."""
        return Said(self.scores[rows], self.classes[rows], self.given[rows])


class Truth(NamedTuple):
    """What became known: as a number (NaN: none), as a class (`NONE`: not known yet), and when, ms."""

    numbers: Floats
    classes: Ints
    known_ms: Ints

    def at(self, rows: Ints) -> "Truth":
        """These rows."""
        return Truth(self.numbers[rows], self.classes[rows], self.known_ms[rows])


class Answers(NamedTuple):
    """The events of one partition in the order of folding: when they happened, what was said, and what was true.

    `by_model`: 1 where the model answered, 0 where the prior did in its place.
    """

    times_ms: Ints
    by_model: Ints
    said: Said
    truth: Truth


def answers(trace: Trace) -> Answers:
    """The columns of `trace`."""
    count, events = len(trace.ids), ints(trace.events)
    given, numbers = (_placed(np.full(count, NAN), events, floats(c)) for c in (trace.given, trace.targets))
    truths, known_ms = (
        _placed(np.full(count, NONE, np.int64), events, ints(c)) for c in (trace.truths, trace.labels_ms)
    )
    return Answers(
        times_ms=ints(trace.times_ms),
        by_model=ints(trace.by_model),
        said=Said(floats(trace.scores), ints(trace.said), given),
        truth=Truth(numbers, truths, known_ms),
    )


def joined(parts: Sequence[Answers]) -> Answers:
    """The events of all partitions, one after the other."""
    return Answers(
        times_ms=np.concatenate([part.times_ms for part in parts]),
        by_model=np.concatenate([part.by_model for part in parts]),
        said=joined_said([part.said for part in parts]),
        truth=Truth(*map(np.concatenate, zip(*(part.truth for part in parts), strict=True))),
    )


def joined_said(parts: Sequence[Said]) -> Said:
    """What was said in all partitions, one after the other."""
    return Said(*map(np.concatenate, zip(*parts, strict=True)))


def floats(values: Sequence[float]) -> Floats:
    """The numbers as a column."""
    return np.asarray(values, dtype=np.float64)


def ints(values: Sequence[int]) -> Ints:
    """The whole numbers as a column."""
    return np.asarray(values, dtype=np.int64)


def _placed(column: Column, rows: Ints, values: Column) -> Column:
    column[rows] = values
    return column
