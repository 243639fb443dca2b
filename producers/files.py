"""A file of events: its rows as validated instances of the user's class, each with its number and its label."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple, get_args

import pyarrow as pa
import pyarrow.compute
from pydantic import BaseModel, ValidationError

from producers.formats import Row, column_values, format_of
from schemas.problem import Problem

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class Event(NamedTuple):
    """One row: its number (1 is the first below any header), when it happened (ms, UTC), the event, and the value of
    its label (None where it has none)."""

    row: int
    time_ms: int
    record: BaseModel
    label: Any


class EventFile:
    """A csv, parquet or jsonl file of events of one class, read by batches.

    Numbers and times may stand as text. An empty cell or null is None where the field may be None, and absent
    otherwise. A time without zone is UTC. Columns that the class does not name are left alone.
    """

    def __init__(self, path: Path, event: type[BaseModel], *, time: str, label_field: str | None = None) -> None:
        """`label_field` is the column with the truth, in the class or not. Raises `Problem` for a file that cannot be
        read or lacks a column."""
        self.path = path
        self._event, self._time, self._label = event, time, label_field
        self._validate = event.__pydantic_validator__.validate_python
        self._nullable = {n for n, f in event.model_fields.items() if type(None) in get_args(f.annotation)}
        self._text = [n for n, f in event.model_fields.items() if f.annotation is str]
        aliases = (field.validation_alias for field in event.model_fields.values())
        self._fields = [*event.model_fields, *(alias for alias in aliases if isinstance(alias, str))]
        self._columns = list(dict.fromkeys([*self._fields, *([label_field] if label_field else [])]))
        self._sorted: pa.Array | None = None
        self._format = format_of(path)
        with readable(path):
            present = self._format.columns(path)
        self._by_columns = present is not None
        if present is not None:
            self._check(present)
            self._columns = [name for name in self._columns if name in present]

    def events(self) -> Iterator[Event]:
        """Every row in the order of the file. Raises `Problem` naming row and column of the first that is bad."""
        yield from self._events(self._batches())

    def sorted_events(self) -> Iterator[Event]:
        """Every row by time, rows of one time in the order of the file, which is held in memory."""
        order = self._order()
        if not len(order):
            return
        table = pa.Table.from_batches(self._batches())
        for event in self._events(table.take(order).to_batches()):
            yield event._replace(row=order[event.row - 1].as_py() + 1)

    def _order(self) -> pa.Array:
        if self._sorted is None:
            times_ms = pa.array([event.time_ms for event in self.events()], pa.int64())
            self._sorted = pyarrow.compute.sort_indices(times_ms)  # stable
        return self._sorted

    def _batches(self) -> Iterator[pa.RecordBatch]:
        rows = 0
        batches = self._format.batches(self.path, self._columns)
        while True:
            with readable(self.path, rows):
                batch = next(batches, None)
            if batch is None:
                return
            rows += len(batch)
            yield batch

    def _events(self, batches: Iterable[pa.RecordBatch]) -> Iterator[Event]:
        number = 0
        for batch in batches:
            rows = self._rows(batch)
            while True:
                try:
                    row = next(rows, None)
                except ValueError as error:
                    raise Problem(
                        f"{self.path}, row {number + 1}, cannot be read ({error}): mend or remove it"
                    ) from error
                if row is None:
                    break
                number += 1
                fields, label = row
                try:
                    record = self._validate(fields, strict=False)
                except ValidationError as error:
                    raise bad_row(self.path, number, error) from error
                yield Event(number, self._time_ms(number, record), record, label)

    def _rows(self, batch: pa.RecordBatch) -> Iterator[tuple[Row, Any]]:
        """What the event class is given of each row, and its label.

        Columns without a null are given as they are; else each row is asked what it has.
        """
        own = batch.select([name for name in batch.schema.names if name in self._fields])
        if not self._by_columns or not own.num_columns or any(column.null_count for column in own.columns):
            for row in self._format.rows(batch):
                yield self._given(row), row.get(self._label or "")
            return
        labels = column_values(batch.column(self._label)) if self._label is not None else repeat(None)
        yield from zip(self._format.rows(self._as_text(own)), labels, strict=False)

    def _as_text(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Whole numbers become text where the class wants text, as in `_given`."""
        for place, field in enumerate(batch.schema):
            if field.name in self._text and pa.types.is_integer(field.type):
                batch = batch.set_column(place, field.name, batch.column(place).cast(pa.string()))
        return batch

    def _given(self, row: Row) -> Row:
        """The fields of the class; whole numbers become text where it wants text."""
        fields = {
            name: row[name]
            for name in self._fields
            if name in row and (row[name] is not None or name in self._nullable)
        }
        for name in self._text:
            if type(fields.get(name)) is int:
                fields[name] = str(fields[name])
        return fields

    def _time_ms(self, number: int, record: BaseModel) -> int:
        time_ms = instant_ms(getattr(record, self._time))
        if time_ms < 0:
            raise Problem(f"{self.path}, row {number}, column {self._time}: Kafka knows no time before 1970; mend it")
        return time_ms

    def _check(self, present: tuple[str, ...]) -> None:
        """Raise `Problem` for a column that the file lacks; in jsonl each row is asked."""
        for name, field in self._event.model_fields.items():
            if field.is_required() and name not in present and field.validation_alias not in present:
                raise self._lacks(name, present)
        if self._label is not None and self._label not in present:
            raise self._lacks(self._label, present)

    def _lacks(self, name: str, present: tuple[str, ...]) -> Problem:
        return Problem(f"{self.path} has no column {name} (it has {', '.join(present)}): add or rename it")


@contextmanager
def readable(path: Path, rows: int = 0) -> Iterator[None]:
    """Where the file cannot be read, behind so many rows, that is one sentence."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        after = f" after row {rows}" if rows else ""
        why = str(error).splitlines()[0]
        raise Problem(f"{path} cannot be read{after} ({why}): check that it is whole and what its name says") from error


def bad_row(path: Path, number: int, error: ValidationError) -> Problem:
    """What is wrong with the row, in the words of its first error."""
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or error.title
    held = "" if first["type"] == "missing" else f", not {first['input']!r}"
    return Problem(f"{path}, row {number}, column {where}: {first['msg']}{held}; mend or remove the row")


def instant_ms(time: datetime | int) -> int:
    """Milliseconds since the epoch; a time without zone is UTC.

    >>> instant_ms(datetime(1970, 1, 1, 0, 0, 1, 1999))
    1001
    """
    if isinstance(time, int):
        return time
    return ((time if time.tzinfo else time.replace(tzinfo=UTC)) - _EPOCH) // _MILLISECOND


def instant(time_ms: int) -> datetime:
    """The other way round, in UTC."""
    return _EPOCH + time_ms * _MILLISECOND
