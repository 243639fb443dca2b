"""Every event with its label and what each pipeline said of it, as a parquet file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from infra.backtest.answers import Ints, floats, ints
from infra.backtest.entrant import Entrant
from infra.backtest.trace import NAN, NONE, Trace
from schemas.problem import Problem
from streams.labels import Task


def require_writable(path: Path) -> None:
    """Raise `Problem` where it shows already that the file could not be written when all has been folded."""
    if path.is_dir():
        raise Problem(f"--scores {path} is a folder: name a file in it, as {path / 'scores.parquet'}")
    if path.suffix.lower() != ".parquet":
        raise Problem(f"--scores {path}: scores are written as parquet, call it {path.with_suffix('.parquet')}")
    if not path.parent.is_dir():
        raise Problem(f"--scores {path}: there is no folder {path.parent}, make it first")


def write(path: Path, entrants: Sequence[Entrant]) -> int:
    """Write a row for each event that somebody has scored, in the order of folding; returns how many.

    Columns: event_id, event_time, label (null: not known), a score under each pipeline's name (null: not scored), and
    with several classes the one that it says, under `NAME.class`. Raises `Problem` where it cannot be written.
    """
    partitions = zip(*(entrant.traces for entrant in entrants), strict=True)
    table = pa.concat_tables([_table(entrants, traces) for traces in partitions])
    try:
        pyarrow.parquet.write_table(table, path)
    except OSError as error:
        raise Problem(f"{path} cannot be written ({error}): name a folder that has room and may be written") from error
    return len(table)


def _table(entrants: Sequence[Entrant], traces: Sequence[Trace]) -> pa.Table:
    """One partition. Events are known by their offsets, as ids may come again; these are in the order of folding."""
    offsets = np.unique(np.concatenate([ints(trace.offsets) for trace in traces]))
    rows = [np.searchsorted(offsets, ints(trace.offsets)) for trace in traces]
    ids, times_ms = np.empty(len(offsets), dtype=object), np.empty(len(offsets), dtype=np.int64)
    for trace, place in zip(traces, rows, strict=True):
        ids[place], times_ms[place] = trace.ids, ints(trace.times_ms)
    columns = {
        "event_id": pa.array(ids, pa.string()),
        "event_time": pa.array(times_ms, pa.timestamp("ms", tz="UTC")),
        "label": _labels(traces, rows, len(offsets), entrants[0].pipeline.task),
    }
    for entrant, trace, place in zip(entrants, traces, rows, strict=True):
        scores, scored = np.full(len(offsets), NAN), np.zeros(len(offsets), dtype=bool)
        scores[place], scored[place] = floats(trace.scores), True
        columns[entrant.name] = pa.array(scores, pa.float64(), mask=~scored)
        if entrant.pipeline.task == "multiclass":
            said = np.full(len(offsets), NONE, np.int64)
            said[place] = ints(trace.said)
            columns[f"{entrant.name}.class"] = _named(said, trace)
    return pa.table(columns)


def _labels(traces: Sequence[Trace], rows: Sequence[Ints], count: int, task: Task) -> pa.Array:
    """The truth of each event, as far as some pipeline has met it; text where there are several classes."""
    numbers, known = np.full(count, NAN), np.zeros(count, dtype=bool)
    names = np.full(count, None, dtype=object)
    for trace, place in zip(traces, rows, strict=True):
        met = place[ints(trace.events)]
        numbers[met], known[met] = floats(trace.targets), True
        if task == "multiclass":
            names[met] = _named(ints(trace.truths), trace).to_numpy(zero_copy_only=False)
    if task == "multiclass":
        return pa.array(names, pa.string())
    return pa.array(numbers > 0.0, mask=~known) if task == "binary" else pa.array(numbers, mask=~known)


def _named(codes: Ints, trace: Trace) -> pa.Array:
    """Classes by their names, null for none."""
    return pa.array(list(trace.classes), pa.string()).take(pa.array(codes, mask=codes == NONE))
