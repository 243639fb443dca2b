"""Labels beside their events: the one that was known first stands, as where a model learns."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from infra.profile.column import times_ms
from infra.profile.table import Joined
from streams.monitor.buckets import Ints
from streams.pipeline import Pipeline

Columns = dict[str, pa.ChunkedArray]


def beside(pipeline: Pipeline, events: Columns, labels: Columns) -> Joined:
    """The label of each event, of labels on a topic or in a file of their own."""
    told = pipeline.labels
    assert told is not None
    assert told.id is not None
    assert told.time is not None
    known_ms = times_ms(labels[told.time])
    order = np.argsort(known_ms, kind="stable")
    ids, truths = (labels[name].combine_chunks().take(pa.array(order)) for name in (told.id, told.field))
    first = _first(ids)
    firsts = np.flatnonzero(first == np.arange(len(first)))
    rows = pc.index_in(events[pipeline.id].combine_chunks(), value_set=ids.take(pa.array(firsts)))
    found = np.asarray(pc.is_valid(rows))
    places = pa.array(np.where(found, firsts[np.asarray(pc.fill_null(rows, 0))] if len(firsts) else 0, 0), mask=~found)
    again = np.flatnonzero(first != np.arange(len(first)))
    differ = pc.not_equal(truths.take(pa.array(again)), truths.take(pa.array(first[again])))
    return Joined(
        field=told.field,
        truth=pa.chunked_array([truths.take(places)]),
        known_ms=np.asarray(pc.fill_null(pa.array(known_ms[order]).take(places), 0)),
        has_time=found,
        task=told.task,
        repeated=len(again),
        contradictory=int(pc.sum(differ).as_py() or 0),
        orphans=int((~np.isin(firsts, np.asarray(places.drop_null()))).sum()),
    )


def inside(pipeline: Pipeline, events: Columns) -> Joined:
    """The label that stands in each event."""
    assert pipeline.labels is not None
    return Joined(field=pipeline.labels.field, truth=events[pipeline.labels.field], task=pipeline.labels.task)


def _first(ids: pa.Array) -> Ints:
    """Of each row the first one that has its id."""
    codes = np.asarray(ids.dictionary_encode().indices)  # numbered as they come
    first = np.full(int(codes.max(initial=-1)) + 1, len(codes), dtype=np.int64)
    np.minimum.at(first, codes, np.arange(len(codes)))
    return np.asarray(first[codes])
