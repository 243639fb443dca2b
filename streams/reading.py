"""How each verb is read from the history of a key."""

from collections.abc import Callable, Hashable, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from streams.aggregate import OF_LATER, Aggregate, Windows
from streams.delayed import RatedHistory
from streams.windows import History

Read = Callable[[Any, Sequence[int], int, int], list[float]]
"""One aggregate of several windows: of a history, from where each starts in it, where all end, and the event's time."""

Single = Callable[[History, int, int, int], float]
"""One window that is not empty: of a history, which of the windows it is, its start and end."""

MS_PER_S = 1_000


class Kept(NamedTuple):
    """What a history keeps of an event: a field as a number, or a mark that tells its values apart."""

    field: str
    marked: bool


def kept_of(aggregate: Aggregate) -> Kept | None:
    """What a history must keep for `aggregate`, if anything beside the time."""
    return None if aggregate.field is None else Kept(aggregate.field, marked=aggregate.verb == "distinct")


def reading(
    windows: Windows, aggregate: Aggregate, spans_ms: Sequence[int], kept: Sequence[Kept], *, added: bool
) -> Read:
    """`aggregate` of `windows` over histories of `spans_ms` that keep `kept`; whether the event itself was `added`.

    Where it was, it is the last one of windows without delay.
    """
    places = [spans_ms.index(span_ms) for span_ms in windows.spans_ms]
    last_is_itself = added and windows.delay is None
    without = last_is_itself and (not windows.itself or aggregate.verb in OF_LATER)
    read = _at_once(aggregate, kept, holds_some=last_is_itself and not without)
    if read is None:
        read = _read(windows, aggregate, places, kept)
    elif places != list(range(len(spans_ms))):
        read = _of_these(places, read)
    return _without_the_last(read) if without else read


def _without_the_last(read: Read) -> Read:
    return lambda history, starts, end, at_ms: read(history, starts, end - 1, at_ms)


def _at_once(aggregate: Aggregate, kept: Sequence[Kept], *, holds_some: bool) -> Read | None:
    """What is read of all windows that have a start, in one go; a mean only where no window is empty."""
    column = _column(aggregate, kept)
    match aggregate.verb:
        case "count":
            return lambda _, starts, end, __: [float(end - start) for start in starts]
        case "sum":
            return lambda history, starts, end, _: history.columns[column].sums(starts, end)
        case "mean" if holds_some:
            return lambda history, starts, end, _: history.columns[column].means(starts, end)
    return None


def _column(aggregate: Aggregate, kept: Sequence[Kept]) -> int:
    of = kept_of(aggregate)
    return 0 if of is None else kept.index(of)


def _read(windows: Windows, aggregate: Aggregate, places: Sequence[int], kept: Sequence[Kept]) -> Read:
    column = _column(aggregate, kept)
    default = aggregate.of_none
    match aggregate.verb:
        case "last" | "since":
            return _last(places, None if aggregate.verb == "since" else column, default)
        case "rate":
            return _rate(places, default, labelled=aggregate.among == "labelled")
    return _of_some(places, _single(aggregate, column, windows.named(Aggregate(verb="count"))), default)


def _single(
    aggregate: Aggregate, column: int, windows: Sequence[Hashable]
) -> Callable[[History, int, int, int], float]:
    """One window that is not empty: of a history, which of `windows` it is, its start and end."""
    part, whole = Fraction(aggregate.q or 0).as_integer_ratio()
    columns: dict[str, Callable[[Any, Hashable, int, int], float]] = {
        "mean": lambda values, _, start, end: values.means((start,), end)[0],
        "variance": lambda values, _, start, end: values.variance(start, end),
        "min": lambda values, name, start, end: values.extreme(name, start, end, greatest=False),
        "max": lambda values, name, start, end: values.extreme(name, start, end, greatest=True),
        "quantile": lambda values, name, start, end: values.quantile(name, start, end, share=(part, whole)),
        "distinct": lambda values, name, start, end: float(values.distinct(name, start, end)),
    }
    of = columns[aggregate.verb]
    return lambda history, which, start, end: of(history.columns[column], windows[which], start, end)


def _of_these(places: Sequence[int], read: Read) -> Read:
    """`read` of the windows at these places alone."""
    return lambda history, starts, end, at_ms: read(history, [starts[i] for i in places], end, at_ms)


def _of_some(places: Sequence[int], of: Single, default: float) -> Read:
    numbered = list(enumerate(places))

    def read(history: History, starts: Sequence[int], end: int, _: int) -> list[float]:
        return [of(history, n, starts[i], end) if starts[i] < end else default for n, i in numbered]

    return read


def _last(places: Sequence[int], column: int | None, default: float) -> Read:
    """A field of the last event of the windows, or the seconds since then."""

    def read(history: History, starts: Sequence[int], end: int, at_ms: int) -> list[float]:
        inside = [starts[i] < end for i in places]
        if not any(inside):
            return [default] * len(places)
        row = end - 1
        last = history.columns[column].values[row] if column is not None else (at_ms - history.times[row]) / MS_PER_S
        return [last if held else default for held in inside]

    return read


def _rate(places: Sequence[int], default: float, *, labelled: bool) -> Read:
    """The share of positive labels among all events of a window, or among those whose label is known."""

    def read(history: RatedHistory, starts: Sequence[int], end: int, _: int) -> list[float]:
        now, rates = starts is history.starts, []
        for i in places:
            known, positive = (history.known[i], history.positive[i]) if now else history.count(starts[i], end)
            of = known if labelled else end - starts[i]
            rates.append(positive / of if of else default)
        return rates

    return read
