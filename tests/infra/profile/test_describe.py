"""Whatever stands in a table, there is a profile of it that survives the way through JSON, or one sentence."""

from datetime import datetime
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from infra.profile.describe import describe
from infra.profile.model import Profile
from infra.profile.table import Joined, Table
from schemas.problem import Problem

VALUES: dict[pa.DataType, SearchStrategy[Any]] = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=3),
    pa.timestamp("ms", "UTC"): st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1)),
    pa.list_(pa.int64()): st.lists(st.integers(0, 3), max_size=2),
    pa.null(): st.none(),
}


@st.composite
def columns(draw: st.DrawFn, rows: int) -> pa.ChunkedArray:
    kind = draw(st.sampled_from(list(VALUES)))
    values = st.lists(st.none() | VALUES[kind], min_size=rows, max_size=rows)
    return pa.chunked_array([pa.array(draw(values), kind)])


@st.composite
def tables(draw: st.DrawFn) -> Table:
    rows = draw(st.sampled_from([1, 2, 30]))
    times = st.lists(st.none() | VALUES[pa.timestamp("ms", "UTC")], min_size=rows, max_size=rows)
    held = {f"c{number}": draw(columns(rows)) for number in range(2)}
    held["at"] = pa.chunked_array([pa.array(draw(times), pa.timestamp("ms", "UTC"))])
    task = st.sampled_from([None, "binary", "multiclass", "regression"])
    labels = draw(st.none() | st.builds(Joined, field=st.just("label"), truth=columns(rows), task=task))
    known = draw(st.sampled_from([None, "c0"]))
    return Table(title="any", place="memory", columns=held, time="at", id=known, labels=labels)


@given(tables())
def test_any_table_has_a_profile_or_a_problem(table: Table) -> None:
    try:
        profile = describe(table)
    except Problem:
        assert table.labels is not None  # which alone may be of no use
        return

    assert Profile.model_validate_json(profile.model_dump_json()) == profile
    assert len(profile.fields) == 3
    for field in profile.fields:
        assert field.count + field.missing == table.rows
        assert field.distinct <= field.count
