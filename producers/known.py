"""What is published, in the order in which it became known: events, and the labels that tell the truth about them."""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel


class Kind(StrEnum):
    """What a record is, and so which topic it goes to."""

    EVENT = "event"
    LABEL = "label"


class Known(NamedTuple):
    """One record and when it became known: an event when it happens, a label when it is reported (ms, UTC)."""

    time_ms: int
    kind: Kind
    record: BaseModel


def strictly(records: Iterable[Known]) -> Iterator[Known]:
    """The same records with Kafka times that keep their order also where times are equal.

    A reader merges events and labels by Kafka time, labels first at equal times. So a label that follows an event of
    its own millisecond (its own event's, known at once) gets the next one, and no time runs back: what comes after is
    moved by as little, and its own time fields stay as they are.

    >>> class Any(BaseModel): ...
    >>> at_once = [Known(5, Kind.EVENT, Any()), Known(5, Kind.LABEL, Any()), Known(5, Kind.EVENT, Any())]
    >>> [known.time_ms for known in strictly(at_once)]
    [5, 6, 6]
    """
    now_ms, event_ms = -1, -1
    for known in records:
        time_ms, kind, record = known
        if time_ms > now_ms:
            now_ms = time_ms
        if kind is Kind.EVENT:
            event_ms = now_ms
        elif event_ms == now_ms:
            now_ms += 1
        yield known if time_ms == now_ms else Known(now_ms, kind, record)
