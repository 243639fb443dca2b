"""How rows stand in csv, parquet and jsonl files: read by batches, each row a dictionary of its columns."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet
from pyarrow import csv
from pydantic_core import from_json

from schemas.problem import Problem

BATCH_ROWS = 10_000
_BLOCK_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"

Row = dict[str, Any]


class Format(NamedTuple):
    """One kind of file. `columns` is None where each row has its own; `rows` may raise `ValueError` for a bad one."""

    columns: Callable[[Path], tuple[str, ...] | None]
    batches: Callable[[Path, Sequence[str]], Iterator[pa.RecordBatch]]
    rows: Callable[[pa.RecordBatch], Iterator[Row]]


def format_of(path: Path) -> Format:
    """The format that the file's name tells. Raises `Problem` for another one, or where there is no such file."""
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise Problem(f"{path} is no {', '.join(_FORMATS)} file: convert it, or give it the ending of what it holds")
    if not path.is_file():
        raise Problem(f"there is no file {path}: check its name")
    return found


def rows_in(path: Path) -> int:
    """About how many rows a file of such a format has, found out without reading them."""
    if path.suffix.lower() == ".parquet":
        with pyarrow.parquet.ParquetFile(path) as file:
            return int(file.metadata.num_rows)
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK_BYTES), b""))


def _once(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Problem(f"{path} has more than one column {', '.join(twice)}: rename or remove all but one")
    return tuple(names)


def _csv_columns(path: Path) -> tuple[str, ...]:
    with csv.open_csv(path) as reader:
        return _once(path, reader.schema.names)


def _csv_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Every cell as text, an empty one as null: the event class says what it means, not the first rows of the file."""
    convert = csv.ConvertOptions(
        column_types={name: pa.string() for name in _csv_columns(path)},
        include_columns=list(columns),
        null_values=[""],
        strings_can_be_null=True,
    )
    parse = csv.ParseOptions(newlines_in_values=True)
    with csv.open_csv(path, convert_options=convert, parse_options=parse) as reader:
        yield from reader


def _parquet_columns(path: Path) -> tuple[str, ...]:
    with pyarrow.parquet.ParquetFile(path) as file:
        return _once(path, file.schema_arrow.names)


def _parquet_batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with pyarrow.parquet.ParquetFile(path) as file:
        yield from file.iter_batches(BATCH_ROWS, columns=list(columns))


def _column_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    names = batch.schema.names
    for values in zip(*map(column_values, batch.columns), strict=True):
        yield dict(zip(names, values, strict=True))


def column_values(column: pa.Array) -> list[Any]:
    """What `to_pylist` gives, in a third of the time. Timestamps without zone are UTC; nanoseconds are cut off."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        naive = column.cast(pa.timestamp("us", kind.tz), safe=False).to_numpy(zero_copy_only=False).tolist()
        # one beyond the year 9999 comes as a number, which no class takes for a time
        return [time.replace(tzinfo=UTC) if isinstance(time, datetime) else time for time in naive]
    if column.null_count == 0 and any(told(kind) for told in _PLAIN):
        return column.to_numpy(zero_copy_only=False).tolist()  # type: ignore[no-any-return] # pyarrow has no types
    return column.to_pylist()  # type: ignore[no-any-return]


_PLAIN = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_large_string)


def _jsonl_columns(_: Path) -> None:
    return None


def _jsonl_batches(path: Path, _: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Lines as they are, in one column; empty ones are left out."""
    with path.open("rb") as file:
        if file.read(len(_BOM)) != _BOM:
            file.seek(0)
        lines = (line for line in file if not line.isspace())
        while batch := list(islice(lines, BATCH_ROWS)):
            yield pa.record_batch([pa.array(batch, pa.large_binary())], names=["line"])


def _jsonl_rows(batch: pa.RecordBatch) -> Iterator[Row]:
    for line in batch.column(0):
        row = from_json(line.as_py())
        if not isinstance(row, dict):
            raise ValueError(f"a {type(row).__name__} stands where an object should")
        yield row


_FORMATS = {
    ".csv": Format(_csv_columns, _csv_batches, _column_rows),
    ".parquet": Format(_parquet_columns, _parquet_batches, _column_rows),
    ".jsonl": Format(_jsonl_columns, _jsonl_batches, _jsonl_rows),
}
