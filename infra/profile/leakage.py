"""Fields that know more of the label than anybody can know when the event comes."""

from collections.abc import Iterator

import numpy as np

from infra.profile.column import ABSENT, Column, Flags
from infra.profile.label import Label
from infra.profile.model import Field, Finding, Labels, Severity

NEARLY = 0.99
ODD = 0.95
ORDERED = 0.7
CERTAIN = 1.0 - 1e-9
_EACH = 20
_PURE = 30
_MOSTLY = 0.9


def suspects(column: Column, told: Field, label: Label) -> Iterator[Finding]:
    """What is suspicious of one field, the gravest alone where one explains the other."""
    rows = label.rows
    if told.relation is None or told.kind == "empty":
        return
    sides = [int((label.codes[rows] == code).sum()) for code in range(len(label.classes))]
    if sum(side >= _EACH for side in sides) < 2:
        return
    found = _same(column, told, label) or _decides(told) or _alone_with_true(column, told, label)
    if found is not None:
        yield found
    unlabelled = _only_with_label(column, told, label)
    if unlabelled is not None:
        yield unlabelled


def of_labels(labels: Labels) -> Iterator[Finding]:
    """Labels that were known before their event happened."""
    early = labels.delays.before_event if labels.delays is not None else 0
    if early:
        text = f"{early:,} labels were known before their event happened: one of the two times is wrong"
        yield _leak("serious", labels.field, text)


def _same(column: Column, told: Field, label: Label) -> Finding | None:
    """Each value stands with one label alone, and values come often enough for that to be no chance."""
    relation = told.relation
    if relation is None or relation.told is None or relation.told < CERTAIN or told.kind == "identifier":
        return None
    if label.task == "regression" or told.distinct > max(2, relation.labelled // _EACH):
        return None
    if column.numbers is not None and not _one_each(column, label):
        return None
    text = f"every value of {told.name} stands with one label only: it is the label, or made of it"
    return _leak("serious", told.name, text)


def _one_each(column: Column, label: Label) -> bool:
    assert column.numbers is not None
    rows = label.rows[column.present[label.rows]]
    pairs = np.unique(np.stack([column.numbers[rows], label.codes[rows]]), axis=1)
    return bool(pairs.shape[1] == len(np.unique(pairs[0])))


def _decides(told: Field) -> Finding | None:
    relation = told.relation
    assert relation is not None
    if relation.spearman is not None and abs(relation.spearman) >= NEARLY:
        text = f"{told.name} puts rows in the order of their labels (rank correlation {relation.spearman:.3f})"
        return _leak("serious", told.name, f"{text}: it may be made of the label")
    if relation.auc is None:
        return None
    strength = max(relation.auc, 1.0 - relation.auc)
    if told.kind == "identifier":
        text = f"the order of {told.name} tells the label (AUC {relation.auc:.3f}): it may be given by outcome"
        return _leak("look", told.name, text) if strength >= ORDERED else None
    if strength >= ODD:
        text = f"{told.name} alone tells the label (AUC {relation.auc:.3f}): see that it is known when the event comes"
        return _leak("serious" if strength >= NEARLY else "look", told.name, text)
    return None


def _alone_with_true(column: Column, told: Field, label: Label) -> Finding | None:
    """Where the field stands, or where it lacks, there is one class alone."""
    rows = label.rows
    present, codes = column.present[rows], label.codes[rows]
    for there, where in ((True, "stands"), (False, "is missing")):
        side = codes[present == there]
        if len(side) < _PURE or len(side) == len(codes) or label.task == "regression":
            continue
        only = int(side[0])
        if (side == only).all() and (codes == only).mean() < _MOSTLY:
            text = f"wherever {told.name} {where}, the label is {label.classes[only]} ({len(side):,} rows)"
            return _leak("serious", told.name, f"{text}: it may be filled in when the label is known")
    return None


def _only_with_label(column: Column, told: Field, label: Label) -> Finding | None:
    """The field is there where the label is, and hardly anywhere else."""
    known = label.codes != ABSENT
    with_label, without = _share(column.present, known), _share(column.present, ~known)
    if with_label is None or without is None or with_label < NEARLY or without > 1.0 - NEARLY:
        return None
    text = f"{told.name} is there in {with_label:.0%} of the rows with a label and in {without:.1%} of those without"
    return _leak("serious", told.name, f"{text}: it comes with the label")


def _share(present: Flags, among: Flags) -> float | None:
    many = int(among.sum())
    return float(present[among].mean()) if many >= _EACH else None


def _leak(severity: Severity, field: str, text: str) -> Finding:
    return Finding(severity=severity, what="leak", field=field, text=text)
