"""The truth of each row, as the task has it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from infra.profile.categories import counted
from infra.profile.column import ABSENT, Column
from schemas.problem import Problem
from streams.labels import Task
from streams.monitor.buckets import Buckets, Ints
from streams.monitor.column import Floats, usable

CLASSES = 50
_FEW = 20
_BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Of each row the label as a number (NaN: none; 1 or 0 of a binary one) and as a class (`ABSENT`: none).

    Numbers as labels have the bins of equal count for classes.
    """

    field: str
    task: Task
    numbers: Floats
    codes: Ints
    classes: Sequence[str]
    positive: str | None = None

    @property
    def rows(self) -> Ints:
        """The rows that have one."""
        return np.flatnonzero(self.codes != ABSENT)


def label(column: Column, task: Task | None) -> Label:
    """The label in `column`; the task is told by its values where it is not known.

    Two values are a binary label, of which the rarer one is the positive. Raises `Problem` where no task fits.
    """
    column = _numbered(column)
    task = task or _task(column)
    if column.kind == "empty":
        nobody = len(column.present)
        return Label(
            field=column.name, task=task, numbers=np.full(nobody, np.nan), codes=np.full(nobody, ABSENT), classes=()
        )
    if task == "binary":
        return _binary(column)
    if task == "multiclass":
        codes, classes = _coded(column)
        return Label(
            field=column.name, task=task, numbers=np.where(codes == ABSENT, np.nan, codes), codes=codes, classes=classes
        )
    if column.numbers is None:
        raise Problem(f"the label {column.name} holds {column.kind}s, no numbers: name another field as label")
    return _number(column.name, column.numbers)


def _numbered(column: Column) -> Column:
    """Of a column of floats NaN and the infinite ones are no labels: the stream rejects them."""
    if column.codes is not None or column.numbers is None or column.kind != "number":
        return column
    present = column.present & np.isfinite(column.numbers)
    if present.all() or (present == column.present).all():
        return column
    values = np.unique(column.numbers[present])
    return replace(column, present=present, distinct=len(values), kind="number" if len(values) else "empty")


def _task(column: Column) -> Task:
    if column.kind == "empty":
        raise Problem(f"the label {column.name} is missing in every row: name another field as label, or leave it out")
    if column.distinct <= 2:
        return "binary"
    if column.numbers is not None and (column.kind == "number" and column.distinct > _FEW):
        return "regression"
    if column.distinct > CLASSES or column.kind in ("time", "text"):
        raise Problem(
            f"the label {column.name} has {column.distinct:,} different values that are no numbers: name another field"
        )
    return "multiclass"


def _coded(column: Column) -> tuple[Ints, Sequence[str]]:
    if column.codes is not None:
        return column.codes, column.values
    assert column.numbers is not None
    values, codes = np.unique(column.numbers[column.present], return_inverse=True)
    placed = np.full(len(column.present), ABSENT, dtype=np.int64)
    placed[column.present] = codes
    return placed, [f"{value:g}" for value in values]


def _binary(column: Column) -> Label:
    codes, classes = _coded(column)
    counts = counted(codes, classes)
    positive = int(counts.argmin()) if column.kind != "truth value" else 1
    if len(classes) == 1:
        positive = 0
    numbers = np.where(codes == ABSENT, np.nan, (codes == positive).astype(np.float64))
    return Label(
        field=column.name, task="binary", numbers=numbers, codes=codes, classes=classes, positive=classes[positive]
    )


def _number(name: str, numbers: Floats) -> Label:
    kept, _ = usable(numbers)
    buckets = Buckets()
    buckets.add(kept)
    edges = buckets.edges(_BINS)
    known = np.abs(numbers) <= np.abs(kept).max(initial=0.0)
    codes = np.where(known, np.searchsorted(edges, numbers, side="right"), ABSENT)
    classes = [f"bin {number}" for number in range(len(edges) + 1)]
    return Label(field=name, task="regression", numbers=np.where(known, numbers, np.nan), codes=codes, classes=classes)
