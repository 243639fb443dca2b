"""A file of events of no class: what its columns are is found out from its values."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from infra.profile.column import times_ms
from infra.profile.table import Joined, Table
from infra.profile.typed import Gathered, timed, typed
from producers.files import readable
from producers.formats import format_of
from schemas.problem import Problem


class Named(BaseModel):
    """What a person says of the columns."""

    model_config = ConfigDict(frozen=True)

    time: str | None = None
    id: str | None = None
    label: str | None = None
    label_time: str | None = None


def from_file(path: Path, named: Named) -> Table:
    """Every column of the file. Without a name for the time it is the first column of times.

    Raises `Problem` for a file that cannot be read or lacks a column.
    """
    columns = _read(path)
    for name in (named.time, named.id, named.label, named.label_time):
        if name is not None and name not in columns:
            raise Problem(f"{path} has no column {name} (it has {', '.join(columns)}): write one of these")
    times = [name for name, raw in columns.items() if pa.types.is_timestamp(raw.type) or pa.types.is_date(raw.type)]
    free = [name for name in times if name not in (named.label_time, named.label)]
    time = named.time or next(iter(free), None)
    remarks = []
    if named.time is None:
        told = f"{time} is taken for the event's time" if time is not None else "no column holds times"
        remarks.append(f"{told}: name another one with --time")
    for name in (named.time, named.label_time):
        if name is not None and name not in times and not pa.types.is_integer(columns[name].type):
            raise Problem(f"{path}: {name} holds no times but {columns[name].type}: name a column of times")
    labels, of_label = _labels(columns, named), (named.label, named.label_time)
    return Table(
        title=path.name,
        place=str(path),
        columns={name: raw for name, raw in columns.items() if name == time or name not in of_label},
        time=time,
        id=named.id,
        labels=labels,
        remarks=remarks,
    )


def _labels(columns: dict[str, pa.ChunkedArray], named: Named) -> Joined | None:
    if named.label is None:
        return None
    raw = columns[named.label_time] if named.label_time is not None else None
    return Joined(
        field=named.label,
        truth=columns[named.label],
        known_ms=times_ms(raw) if raw is not None else None,
        has_time=np.asarray(pc.is_valid(raw)) if raw is not None else None,
    )


def _read(path: Path) -> dict[str, pa.ChunkedArray]:
    found = format_of(path)
    with readable(path):
        names = found.columns(path)
    if names is None:
        gathered = Gathered()
        for batch in _batches(path, []):
            gathered.add(_rows(path, batch))
        return {name: timed(column) for name, column in gathered.columns().items()}
    batches = list(_batches(path, names))
    table = pa.Table.from_batches(batches) if batches else pa.table({name: pa.nulls(0, pa.string()) for name in names})
    columns = dict(zip(table.column_names, table.columns, strict=True))
    return {n: typed(c) for n, c in columns.items()} if path.suffix.lower() == ".csv" else columns


def _batches(path: Path, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    batches = format_of(path).batches(path, names)
    while True:
        with readable(path):
            batch = next(batches, None)
        if batch is None:
            return
        yield batch


def _rows(path: Path, batch: pa.RecordBatch) -> list[dict[str, object]]:
    try:
        return list(format_of(path).rows(batch))
    except ValueError as error:
        raise Problem(f"{path} has a row that cannot be read ({error}): mend or remove it") from error
