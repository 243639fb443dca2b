"""How each verb is read from the history of a key."""

from collections.abc import Callable, Sequence
from typing import Any

from streams.delayed import RatedHistory
from streams.feature import Aggregate
from streams.windows import History

Read = Callable[[Any, Sequence[int], int], list[float]]
"""One aggregate of several windows: of a history, from where each starts in it and where all end."""

MS_PER_S = 1_000


def reading(aggregate: Aggregate, places: Sequence[int], fields: Sequence[str], delay_ms: int) -> Read:
    """`aggregate` of the windows at `places`. The event itself is the last one of a window without delay."""
    column = 0 if aggregate.field is None else fields.index(aggregate.field)
    default = 0.0 if aggregate.default is None else aggregate.default
    before = 1 if delay_ms else 2  # the last event before the event itself is so far from a window's end
    match aggregate.verb:
        case "count":
            return lambda _, starts, end: [float(end - starts[place]) for place in places]
        case "sum":
            return lambda history, starts, end: history.columns[column].sums([starts[i] for i in places], end)
        case "mean" if not delay_ms:
            return lambda history, starts, end: history.columns[column].means([starts[i] for i in places], end)
        case "last" | "since":
            return _last(places, None if aggregate.verb == "since" else column, default, before)
        case "rate":
            return _rate(places, default, labelled=aggregate.among == "labelled")
    return _of_some(places, _single(aggregate.verb, column), default)


def _single(verb: str, column: int) -> Callable[[History, int, int, int], float]:
    """One window that is not empty: of a history, the window's place, start and end."""
    columns: dict[str, Callable[[Any, int, int, int], float]] = {
        "mean": lambda values, _, start, end: values.means((start,), end)[0],
        "variance": lambda values, _, start, end: values.variance(start, end),
        "min": lambda values, place, start, end: values.extreme(place, start, end, greatest=False),
        "max": lambda values, place, start, end: values.extreme(place, start, end, greatest=True),
    }
    of = columns[verb]
    return lambda history, place, start, end: of(history.columns[column], place, start, end)


def _of_some(places: Sequence[int], of: Callable[[History, int, int, int], float], default: float) -> Read:
    def read(history: History, starts: Sequence[int], end: int) -> list[float]:
        return [of(history, i, starts[i], end) if starts[i] < end else default for i in places]

    return read


def _last(places: Sequence[int], column: int | None, default: float, before: int) -> Read:
    """A field of the last event before the event itself, or the seconds since then."""

    def read(history: History, starts: Sequence[int], end: int) -> list[float]:
        row = end - before
        inside = [row >= starts[i] for i in places]
        if not any(inside):
            return [default] * len(places)
        last = (
            history.columns[column].values[row]
            if column is not None
            else (history.times[end - 1] - history.times[row]) / MS_PER_S
        )
        return [last if held else default for held in inside]

    return read


def _rate(places: Sequence[int], default: float, *, labelled: bool) -> Read:
    """The share of positive labels among all events of a window, or among those whose label is known."""

    def read(history: RatedHistory, starts: Sequence[int], end: int) -> list[float]:
        now, rates = starts is history.starts, []
        for i in places:
            known, positive = (history.known[i], history.positive[i]) if now else history.count(starts[i], end)
            of = known if labelled else end - starts[i]
            rates.append(positive / of if of else default)
        return rates

    return read
