"""A small stream of taps with late labels, in files; and the folds of them."""

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet
from pyarrow import csv

from infra.backtest.entrant import Entrant
from infra.backtest.files import Files, from_files
from infra.backtest.fold import Within, fold
from infra.truth import truth
from streams.pipeline import Pipeline

DELAY = "40ms"
DELAY_MS = 40
ALWAYS = Within()


class Row(NamedTuple):
    """One tap, and the truth that is known some time later; None: never."""

    tap_id: str
    at_ms: int
    card: str
    amount: float
    fraud: bool | None


def rows(count: int = 400, seed: int = 1) -> list[Row]:
    """Taps of five cards, some of one millisecond, a tenth without a label."""
    draw, at_ms, made = Random(seed), 1_000, []
    for number in range(count):
        at_ms += draw.choice((0, 1, 1, 3, 9))
        amount = round(draw.lognormvariate(2.0, 0.8), 2)
        fraud = None if draw.random() < 0.1 else amount + draw.gauss(0.0, 4.0) > 12.0
        made.append(Row(f"t{number}", at_ms, draw.choice("abcde"), amount, fraud))
    return made


def written(path: Path, made: Sequence[NamedTuple]) -> Path:
    """`path`, in the format that its name tells."""
    plain: list[dict[str, Any]] = [row._asdict() for row in made]
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in plain))
    elif path.suffix == ".csv":
        csv.write_csv(pa.Table.from_pylist(plain), path)
    else:
        pyarrow.parquet.write_table(pa.Table.from_pylist(plain), path)
    return path


def folded(path: Path, *pipelines: Pipeline, delay: str = DELAY, within: Within = ALWAYS) -> list[Entrant]:
    """Each pipeline after it has folded the file."""
    files = Files(events=path, truth=truth(pipelines[0], "fraud", delay), label_field="fraud")
    return folded_log(files, *pipelines, within=within)


def folded_log(files: Files, *pipelines: Pipeline, within: Within = ALWAYS) -> list[Entrant]:
    """The same, of whatever files."""
    entrants = [Entrant(f"p{number}", pipeline) for number, pipeline in enumerate(pipelines)]
    fold(from_files(pipelines[0], files), entrants, within)
    return entrants


def scores(entrant: Entrant) -> dict[str, str]:
    """Every score in all its bits, by the id of its event."""
    return {
        event_id: score.hex()
        for trace in entrant.traces
        for event_id, score in zip(trace.ids, trace.scores, strict=True)
    }
