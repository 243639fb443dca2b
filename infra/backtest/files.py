"""The log that files tell: events at their own times, labels at theirs or some time after their events."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel

from infra.backtest.log import Feed, Log, Part, Pulled, Row
from infra.backtest.values import Carried
from producers.files import Event, EventFile
from producers.formats import rows_in
from producers.known import Kind, Known
from producers.recording import Truth, tell
from schemas.problem import Problem
from streams.pipeline import Pipeline
from streams.runtime.codec import Source
from streams.runtime.merge import Merge
from streams.runtime.raw import Run
from streams.stage import Role

CHUNK = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Files:
    """What a person has given. `truth` makes a label of each event; else they stand in `labels`, or there are none."""

    events: Path
    labels: Path | None = None
    truth: Truth | None = None
    label_field: str | None = None
    sort: bool = False


class _Input(NamedTuple):
    """One input: how a row becomes a record of it."""

    source: Source
    send: Callable[[BaseModel], object]

    def row(self, record: BaseModel, offset: int, time_ms: int) -> Row:
        return Row(self.source.topic, 0, offset, time_ms, None, self.send(record))


def from_files(pipeline: Pipeline, files: Files) -> Log:
    """The files as a log of one partition. An event's Kafka time is its own, as its label's is.

    Raises `Problem` where a file cannot be read or lacks a column; while it is folded, where a row is bad.
    """
    labels = pipeline.labels
    events = EventFile(files.events, pipeline.event, time=pipeline.time, label_field=files.label_field)
    inputs = {Kind.EVENT: _input(Role.EVENTS, pipeline.event, pipeline.id, files.events)}
    records = rows_in(files.events)
    if labels is None or labels.event is None or labels.time is None:
        return _log(inputs, _Told(inputs, tell(_rows(events, files), None, files.events)), records)
    place = files.labels or Path(f"{files.events} ({files.label_field})")
    inputs[Kind.LABEL] = _input(Role.LABELS, labels.event, pipeline.label_key, place)
    if files.labels is None:
        return _log(inputs, _Told(inputs, tell(_rows(events, files), files.truth, files.events)), 2 * records)
    known = EventFile(files.labels, labels.event, time=labels.time)
    runs = {
        inputs[kind].source.topic: _runs(inputs[kind], _rows(file, files), file.path)
        for kind, file in ((Kind.EVENT, events), (Kind.LABEL, known))
    }
    return _log(inputs, Pulled(runs), records + rows_in(files.labels))


def _input(role: Role, model: type[BaseModel], key: str, path: Path) -> _Input:
    carried = Carried(model, key=key)
    return _Input(Source(role=role, topic=str(path), decode=carried.decode), carried.send)


def _rows(file: EventFile, files: Files) -> Iterator[Event]:
    return file.sorted_events() if files.sort else file.events()


def _log(inputs: dict[Kind, _Input], feed: Feed, records: int) -> Log:
    sources = [inputs[kind].source for kind in (Kind.LABEL, Kind.EVENT) if kind in inputs]
    part = Part(numbers=(0,), positions={source.topic: 0 for source in sources}, feed=feed)
    place = " and ".join(source.topic for source in reversed(sources))
    return Log(sources=sources, partitions=1, parts=[part], records=records, place=place)


class _Told:
    """Events and the labels that follow from them, in the order in which they became known."""

    def __init__(self, inputs: dict[Kind, _Input], records: Iterable[Known]) -> None:
        self._inputs = inputs
        self._records = iter(records)
        self._ends = dict.fromkeys(inputs, 0)

    def feed(self, merge: Merge) -> bool:
        """Nothing that comes later stands before what is delivered: each input has been read to its end for now."""
        chunk = list(islice(self._records, CHUNK))
        rows: dict[Kind, list[Row]] = {kind: [] for kind in self._inputs}
        for time_ms, kind, record in chunk:
            rows[kind].append(self._inputs[kind].row(record, self._ends[kind] + len(rows[kind]), time_ms))
        for kind, each in rows.items():
            start = self._ends[kind]
            self._ends[kind] = end = start + len(each)
            merge.deliver(Run(self._inputs[kind].source.topic, start, end, end, each))
        return bool(chunk)


def _runs(made: _Input, events: Iterator[Event], path: Path) -> Iterator[Run]:
    """The rows of one file, whose end is said with the last run, which is empty."""
    start, now_ms, topic = 0, 0, made.source.topic
    while chunk := list(islice(events, CHUNK)):
        rows: list[Row] = []
        for event in chunk:
            if event.time_ms < now_ms:
                raise Problem(
                    f"{path}, row {event.row}, is earlier than the row before: sort the file by time or add --sort"
                )
            now_ms = event.time_ms
            rows.append(made.row(event.record, start + len(rows), now_ms))
        yield Run(topic, start, start + len(rows), None, rows)
        start += len(rows)
    yield Run(topic, start, start, start, [])
