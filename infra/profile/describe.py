"""A profile of a table: its fields one by one, then what follows from them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from infra.profile import findings, leakage
from infra.profile.categories import KEPT, counted, top
from infra.profile.column import ABSENT, Column, Flags, column, times_ms
from infra.profile.drift import drift
from infra.profile.label import Label, label
from infra.profile.labels import described
from infra.profile.model import Field, Finding, Labels, Profile, Times
from infra.profile.numbers import numbers
from infra.profile.periods import Periods, periods
from infra.profile.relation import relation
from infra.profile.table import Table
from infra.profile.times import times
from schemas.problem import Problem
from streams.monitor.buckets import Ints


class _Context(NamedTuple):
    """What every field is held against."""

    table: Table
    times_ms: Ints | None
    has_time: Flags | None
    cut: Periods | None
    label: Label | None


def describe(table: Table) -> Profile:
    """Everything that is said of `table`, a column at a time. Raises `Problem` where it has no rows."""
    if not table.rows:
        raise Problem(f"{table.place} holds no event that can be read: name one that has some")
    context = _context(table)
    found: list[Finding] = list(findings.of_rejected(table.rejected, table.rows))
    fields: list[Field] = []
    for name, raw in table.columns.items():
        held = column(name, raw, is_id=name == table.id, is_key=name in table.keys, is_time=name == table.time)
        told = _field(held, context)
        found += _findings(held, told, context)
        fields.append(told)
    labels = _labels(context)
    if labels is not None:
        found += [*leakage.of_labels(labels), *findings.of_labels(labels)]
    return Profile(
        title=table.title,
        place=table.place,
        rows=table.rows,
        rejected=dict(table.rejected),
        remarks=tuple(table.remarks),
        time=table.time,
        id=table.id,
        periods=context.cut.told() if context.cut is not None else None,
        findings=findings.ordered(found),
        labels=labels,
        fields=tuple(fields),
    )


def _context(table: Table) -> _Context:
    told = None
    if table.labels is not None:
        told = label(column(table.labels.field, table.labels.truth), table.labels.task)
    if table.time is None:
        return _Context(table, None, None, None, told)
    raw = table.columns[table.time]
    held, present = times_ms(raw), np.asarray(pc.is_valid(raw))
    return _Context(table, held, present, periods(held, present), told)


def _field(held: Column, context: _Context) -> Field:
    timed = held.name == context.table.time
    compared = held if timed else _since_event(held, context)
    values = compared.numbers if not timed else None
    counts = counted(held.codes, held.values) if held.codes is not None and held.kind != "identifier" else None
    shown = top(counts, held.values) if counts is not None else ()
    return Field(
        name=held.name,
        kind=held.kind,
        type=held.type,
        count=held.count,
        missing=len(held.present) - held.count,
        missing_share=1.0 - held.count / len(held.present),
        distinct=held.distinct,
        numbers=numbers(values[held.present]) if values is not None else None,
        top=shown,
        others=held.count - sum(value.count for value in shown) if shown else 0,
        per_value=numbers(counts[counts > 0].astype(np.float64)) if counts is not None and _many(held) else None,
        times=_times(held, context) if held.kind == "time" else None,
        relation=relation(compared, context.label) if context.label is not None and not timed else None,
        drift=drift(compared, context.cut) if context.cut is not None and not timed else None,
    )


def _many(held: Column) -> bool:
    """Whether a category has so many values that none of them says much."""
    return held.kind == "category" and held.distinct > KEPT


def _since_event(held: Column, context: _Context) -> Column:
    """A time other than the event's as seconds after the event."""
    if held.kind != "time" or context.times_ms is None or context.has_time is None or held.numbers is None:
        return held
    since_s = np.where(context.has_time, (held.numbers - context.times_ms) / 1000, np.nan)
    return Column(
        name=held.name,
        kind=held.kind,
        type=held.type,
        present=held.present & context.has_time,
        distinct=held.distinct,
        numbers=since_s,
    )


def _times(held: Column, context: _Context) -> Times:
    assert held.numbers is not None
    partitions = context.table.partitions
    held_ms = held.numbers[held.present].astype(np.int64)
    return times(held_ms, partitions[held.present] if partitions is not None else None)


def _findings(held: Column, told: Field, context: _Context) -> Iterator[Finding]:
    if context.label is not None and told.name != context.table.time:
        yield from leakage.suspects(_since_event(held, context), told, context.label)
    yield from findings.of_field(told, id=context.table.id)
    if told.name == context.table.time:
        yield from findings.of_time(told)


def _labels(context: _Context) -> Labels | None:
    joined, told = context.table.labels, context.label
    if joined is None or told is None:
        return None
    delays = None
    if joined.known_ms is not None and joined.has_time is not None and context.times_ms is not None:
        assert context.has_time is not None
        rows = joined.has_time & context.has_time & (told.codes != ABSENT)
        delays = joined.known_ms[rows] - context.times_ms[rows]
    held = column(joined.field, joined.truth)
    return described(told, context.cut, delays).model_copy(
        update={
            "repeated": joined.repeated,
            "contradictory": joined.contradictory,
            "orphans": joined.orphans,
            "drift": drift(held, _labelled(context.cut, told)) if context.cut is not None else None,
        }
    )


def _labelled(cut: Periods, told: Label) -> Periods:
    """The same cut of the rows alone that have a label: how late labels are is no drift of theirs."""
    return replace(cut, of=np.where(told.codes != ABSENT, cut.of, -1))
