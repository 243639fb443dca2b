"""The truth about an event: read of the event itself, or of a label that comes later."""

from collections.abc import Callable
from operator import itemgetter
from typing import Any

from schemas.fields import fields_of
from streams.facts import ahead
from streams.instant import instant_ms
from streams.join import Truth
from streams.labels import Labels
from streams.learner import learner
from streams.pipeline import Pipeline
from streams.stage import Record


class Labelled:
    """How the labels of a definition are read; `inside` the event, `later` on a topic of their own, or neither."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._labels = labels = pipeline.labels
        self._time, self._ahead_ms = (labels and labels.time) or "", pipeline.ahead_ms
        self.inside = labels is not None and labels.inside
        self.later = labels is not None and not labels.inside
        self.truth = learner(pipeline.model(), pipeline.task).truth
        self._read = _reading(labels) if labels is not None and self.later else None

    def of_event(self, record: Record, time_ms: int) -> Truth | None:
        """The truth inside an event, if that is where it is. Raises `Reject` where it is no such thing."""
        if not self.inside:
            return None
        assert self._labels is not None
        value = self.truth(fields_of(record.value)[self._labels.field])
        return Truth(value, time_ms, record.topic, record.partition, record.offset)

    def of_label(self, record: Record) -> tuple[str, Truth]:
        """The id of the event that a label is about, and the truth.

        Raises `Reject` where it is no such thing, and where it is too far ahead: it would wait for its event for ever.
        """
        assert self._read is not None
        time, event_id, value = self._read(fields_of(record.value))
        time_ms = instant_ms(time)
        if time_ms > record.timestamp_ms + self._ahead_ms:
            raise ahead(self._time, time_ms, record.timestamp_ms)
        return str(event_id), Truth(self.truth(value), time_ms, record.topic, record.partition, record.offset)


def _reading(labels: Labels) -> Callable[[Any], tuple[Any, Any, Any]]:
    """What reads a label's time, the id of its event, and its value."""
    assert labels.time is not None
    assert labels.id is not None
    return itemgetter(labels.time, labels.id, labels.field)
