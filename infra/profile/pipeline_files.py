"""The events of a pipeline in files, read with its own classes in the order of the files."""

from pathlib import Path
from typing import Any

from infra.profile.join import beside, inside
from infra.profile.records import CHUNK, Records
from infra.profile.table import Joined, Table
from infra.profile.typed import array, joined
from producers.files import EventFile
from schemas.problem import Problem
from streams.pipeline import Pipeline


def from_files(pipeline: Pipeline, events: Path, labels: Path | None, label_field: str | None) -> Table:
    """Events, and labels from a file of their own or from a column of the events.

    Raises `Problem` where a file cannot be read, lacks a column, or has a bad row, and where the pipeline has no labels
    that could stand in `labels`.
    """
    records, truths = Records(pipeline.event), list[Any]()
    for event in EventFile(events, pipeline.event, time=pipeline.time, label_field=label_field).events():
        records.add(event.record)
        truths.append(event.label)
    columns = records.columns()
    if label_field is not None:
        columns.pop(label_field, None)
        found: Joined | None = _column(pipeline, label_field, truths)
    elif labels is not None:
        found = beside(pipeline, columns, _labels(pipeline, labels))
    else:
        found = inside(pipeline, columns) if pipeline.labels is not None and pipeline.labels.inside else None
    place = f"{events} and {labels}" if labels is not None else str(events)
    return Table(
        title=pipeline.name,
        place=place,
        columns={n: c for n, c in columns.items() if found is None or label_field or labels or n != found.field},
        time=pipeline.time,
        id=pipeline.id,
        keys=pipeline.entities,
        labels=found,
    )


def _column(pipeline: Pipeline, name: str, truths: list[Any]) -> Joined:
    chunks = [array(truths[start : start + CHUNK]) for start in range(0, len(truths), CHUNK)]
    return Joined(field=name, truth=joined(chunks), task=pipeline.labels.task if pipeline.labels is not None else None)


def _labels(pipeline: Pipeline, path: Path) -> "dict[str, Any]":
    told = pipeline.labels
    if told is None or told.event is None or told.time is None:
        where = "has no labels" if told is None else "finds its labels inside the event"
        raise Problem(f"{pipeline.name} {where}: leave --labels out")
    records = Records(told.event)
    for each in EventFile(path, told.event, time=told.time).events():
        records.add(each.record)
    return records.columns()
