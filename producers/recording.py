"""A file told again: its events at their times, and the label of each one some time later."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ValidationError

from producers.files import Event, bad_row, instant
from producers.known import Kind, Known, strictly
from schemas.problem import Problem


@dataclass(frozen=True, kw_only=True)
class Truth:
    """How the label of an event is made: class and fields of the label, fields of the event, and the delay.

    The label carries the event's `key` as its `label_key`.
    """

    label: type[BaseModel]
    id: str
    field: str
    time: str
    event_id: str
    event_time: str
    key: str
    label_key: str
    delay_ms: int

    def of(self, event: Event, path: Path) -> BaseModel:
        """The label of `event`. Raises `Problem` where its class does not take it."""
        record = event.record
        fields = {
            self.id: getattr(record, self.event_id),
            self.label_key: getattr(record, self.key),
            self.field: event.label,
            self.time: self._time(event, path),
        }
        for name in self._text:
            if type(fields[name]) is int:
                fields[name] = str(fields[name])
        try:
            return self.label.__pydantic_validator__.validate_python(fields, strict=False)  # type: ignore[no-any-return]
        except ValidationError as error:
            raise self._unfit(event, path, error) from error

    @cached_property
    def _text(self) -> list[str]:
        """Fields whose class wants text: a whole number becomes it."""
        fields = self.label.model_fields
        return [name for name in {self.id, self.label_key, self.field} if fields[name].annotation is str]

    @cached_property
    def _delay(self) -> timedelta:
        return timedelta(milliseconds=self.delay_ms)

    @cached_property
    def _counts(self) -> bool:
        """Whether the label's time is a number of milliseconds."""
        return self.label.model_fields[self.time].annotation is int

    def _time(self, event: Event, path: Path) -> datetime | int:
        """The label's time: to the last digit of the event's where both are a `datetime`."""
        time, time_ms = getattr(event.record, self.event_time), event.time_ms
        if self._counts:
            return time_ms + self.delay_ms
        try:
            start = instant(time_ms) if isinstance(time, int) else time
            return start + self._delay
        except OverflowError as error:
            raise Problem(
                f"{path}, row {event.row}: its label, {self.delay_ms:,} ms after {time}, is beyond the year 9999: "
                "mend the row or shorten --label-delay"
            ) from error

    def _unfit(self, event: Event, path: Path, error: ValidationError) -> Problem:
        missing = [e["loc"][0] for e in error.errors(include_url=False) if e["type"] == "missing"]
        if missing:
            name = self.label.__name__
            return Problem(f"{name} needs {missing[0]}, which no file of events tells: give it a default in {name}")
        return bad_row(path, event.row, error)


def tell(events: Iterable[Event], truth: Truth | None, path: Path) -> Iterator[Known]:
    """Events and labels in the order in which they became known, with their Kafka times.

    The delay is the same for all, so labels come in the order of their events: a queue merges them, labels first at
    equal times, but after their own event. Raises `Problem` where a row is earlier than the one before.
    """
    return strictly(_told(events, truth, path))


def _told(events: Iterable[Event], truth: Truth | None, path: Path) -> Iterator[Known]:
    due: deque[Known] = deque()
    now_ms = 0
    for event in events:
        if event.time_ms < now_ms:
            raise Problem(
                f"{path}, row {event.row}, is earlier than the row before: sort the file by time or add --sort"
            )
        now_ms = event.time_ms
        while due and due[0].time_ms <= now_ms:
            yield due.popleft()
        yield Known(now_ms, Kind.EVENT, event.record)
        if truth is not None and event.label is not None:
            due.append(Known(now_ms + truth.delay_ms, Kind.LABEL, truth.of(event, path)))
    yield from due


class Survey(NamedTuple):
    """What a whole recording holds: how many events and labels, and the first and last Kafka time (ms)."""

    events: int
    labels: int
    first_ms: int
    last_ms: int


def survey(records: Iterable[Known], path: Path, encode: Mapping[Kind, Callable[[BaseModel], object]]) -> Survey:
    """Go through all `records` once, and `encode` each: what is wrong with the file is found before anything of it is
    sent. Raises `Problem`."""
    counts = {Kind.EVENT: 0, Kind.LABEL: 0}
    first_ms, last_ms = -1, -1
    for known in records:
        counts[known.kind] += 1
        try:
            encode[known.kind](known.record)
        except Problem as problem:
            row = f"event {counts[Kind.EVENT]:,} in the order of time"
            raise Problem(f"{path}, {row if known.kind is Kind.EVENT else 'a label'}: {problem}") from problem
        first_ms = known.time_ms if first_ms < 0 else first_ms
        last_ms = known.time_ms
    if first_ms < 0:
        raise Problem(f"{path} holds no rows: name a file with events")
    return Survey(counts[Kind.EVENT], counts[Kind.LABEL], first_ms, last_ms)
