"""What is read of an event before its features are: id, entities and time."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

import msgspec

from schemas.fields import fields_of
from schemas.reject import Reason, Reject
from streams.instant import instant_ms
from streams.pipeline import Pipeline


class Facts(msgspec.Struct, frozen=True, gc=False):
    """Of one event: its id and the values of its entities as text, and its time, milliseconds since the epoch."""

    id: str
    keys: tuple[str, ...]
    time_ms: int


def facts_of(pipeline: Pipeline) -> Callable[[Any], Facts]:
    """A function that reads the facts of an event."""
    read = itemgetter(pipeline.time, pipeline.id, *pipeline.entities)

    def facts(event: Any) -> Facts:
        time, event_id, *keys = read(fields_of(event))
        return Facts(str(event_id), tuple(map(str, keys)), instant_ms(time))

    return facts


def ahead(field: str, time_ms: int, timestamp_ms: int) -> Reject:
    """Why a record is refused whose time, in `field`, is further ahead of its Kafka timestamp than is allowed."""
    message = f"{field} is {time_ms - timestamp_ms} ms ahead of the record's Kafka timestamp"
    return Reject(Reason.TIME_AHEAD, message)
