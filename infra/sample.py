"""Generated payments as files, for those who have none of their own yet: what the demo feeds, and what became of it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from pyarrow import csv
from pydantic_core import to_json

from producers.known import Kind, Known
from schemas.problem import Problem

Rows = list[dict[str, Any]]


def require_writable(path: Path) -> None:
    """Raise `Problem` where it shows already that the file could not be written."""
    if path.suffix.lower() not in _WRITERS:
        raise Problem(f"{path} is no {', '.join(_WRITERS)} file: give it such an ending")
    if not path.parent.is_dir():
        raise Problem(f"{path}: there is no folder {path.parent}, make it first")


def write(told: Iterable[Known], events: Path, labels: Path | None) -> tuple[int, int]:
    """Write what is told, in its order, and return how many events and how many labels there are.

    Without a file for labels each event has one more column: what its label says, null where none came. Raises
    `Problem` where a file cannot be written.
    """
    rows: dict[Kind, Rows] = {Kind.EVENT: [], Kind.LABEL: []}
    for known in told:
        rows[known.kind].append(known.record.model_dump())
    if labels is None:
        fraud = {row["transaction_id"]: row["fraud"] for row in rows[Kind.LABEL]}
        for row in rows[Kind.EVENT]:
            row["fraud"] = fraud.get(row["transaction_id"])
    else:
        _write(rows[Kind.LABEL], labels)
    _write(rows[Kind.EVENT], events)
    return len(rows[Kind.EVENT]), len(rows[Kind.LABEL])


def _write(rows: Rows, path: Path) -> None:
    try:
        _WRITERS[path.suffix.lower()](rows, path)
    except OSError as error:
        raise Problem(f"{path} cannot be written ({error}): name a file in a folder that has room") from error


def _csv(rows: Rows, path: Path) -> None:
    csv.write_csv(pa.Table.from_pylist(rows), path)


def _parquet(rows: Rows, path: Path) -> None:
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), path)


def _jsonl(rows: Rows, path: Path) -> None:
    path.write_bytes(b"".join(to_json(row) + b"\n" for row in rows))


_WRITERS: dict[str, Callable[[Rows, Path], None]] = {".csv": _csv, ".parquet": _parquet, ".jsonl": _jsonl}
