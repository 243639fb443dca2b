"""One field of all rows, in the form that its kind is counted in."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic_core import to_json

from infra.profile.model import Kind
from streams.monitor.buckets import Ints
from streams.monitor.column import Floats

Flags = NDArray[np.bool_]

ABSENT = -1
_ID = re.compile(r"(^|_)(id|key|uuid)$|Id$|ID$", re.ASCII)
_UNIQUE = 0.95
_SURELY = 100
_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A field: which rows have it, and its numbers (NaN: none) or codes (`ABSENT`: none) of sorted `values`.

    A time's numbers are milliseconds since 1970, those of a text its lengths.
    """

    name: str
    kind: Kind
    type: str
    present: Flags
    distinct: int
    numbers: Floats | None = None
    codes: Ints | None = None
    values: Sequence[str] = ()

    @property
    def count(self) -> int:
        return int(self.present.sum())


def column(
    name: str, raw: pa.ChunkedArray, *, is_id: bool = False, is_key: bool = False, is_time: bool = False
) -> Column:
    """The column of an Arrow array. Whole numbers that are an id or a key, or called so, are names."""
    kind, told = raw.type, str(raw.type)
    present = np.asarray(pc.is_valid(raw))
    if not present.any():
        return Column(name=name, kind="empty", type=told, present=present, distinct=0)
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind) or is_time:
        return _time(name, raw, told, present)
    if pa.types.is_boolean(kind) or (pa.types.is_integer(kind) and not (is_id or is_key) and _is_flag(raw)):
        return _truth_value(name, raw, told, present)
    named = is_id or is_key or (pa.types.is_integer(kind) and _ID.search(name) is not None)
    if not named and (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        numbers = _floats(raw)
        return Column(name=name, kind="number", type=told, present=present, distinct=_distinct(raw), numbers=numbers)
    return _words(name, _text(raw), told, present, is_id=is_id)


def times_ms(raw: pa.ChunkedArray) -> Ints:
    """Times as milliseconds since 1970, those that are missing as 0."""
    if not pa.types.is_integer(raw.type):
        raw = raw.cast(pa.timestamp("ms", raw.type.tz if pa.types.is_timestamp(raw.type) else None), safe=False)
    return np.asarray(pc.fill_null(raw.cast(pa.int64()), 0), dtype=np.int64)


def _time(name: str, raw: pa.ChunkedArray, told: str, present: Flags) -> Column:
    numbers = np.where(present, times_ms(raw).astype(np.float64), np.nan)
    return Column(name=name, kind="time", type=told, present=present, distinct=_distinct(raw), numbers=numbers)


def _truth_value(name: str, raw: pa.ChunkedArray, told: str, present: Flags) -> Column:
    codes = np.where(present, np.asarray(pc.fill_null(raw.cast(pa.int8()), 0), dtype=np.int64), ABSENT)
    return Column(
        name=name,
        kind="truth value",
        type=told,
        present=present,
        distinct=_distinct(raw),
        codes=codes,
        values=("false", "true"),
    )


def _words(name: str, raw: pa.ChunkedArray, told: str, present: Flags, *, is_id: bool) -> Column:
    encoded = raw.combine_chunks().dictionary_encode()
    found = encoded.dictionary.to_pylist()
    order = sorted(range(len(found)), key=lambda place: (len(found[place]), found[place]))
    rank = np.empty(len(found), dtype=np.int64)
    rank[order] = np.arange(len(found))
    codes = np.where(present, rank[np.asarray(pc.fill_null(encoded.indices, 0))], ABSENT)
    kind = _kind(found, int(present.sum()), is_id=is_id)
    values = [found[place] for place in order]
    numbers = None
    if kind == "text":
        lengths = np.array([len(value) for value in values], dtype=np.float64)
        numbers = np.where(present, lengths[codes], np.nan)
    return Column(
        name=name,
        kind=kind,
        type=told,
        present=present,
        distinct=len(found),
        numbers=numbers,
        codes=codes,
        values=values,
    )


def _kind(values: Sequence[str], count: int, *, is_id: bool) -> Kind:
    """An identifier hardly ever comes twice; a text is of several words, mostly its own."""
    wordy = sum(value.count(" ") + 1 for value in values) >= _WORDS * len(values)
    if is_id:
        return "identifier"
    if wordy and 2 * len(values) > count:
        return "text"
    return "identifier" if count >= _SURELY and len(values) >= _UNIQUE * count else "category"


def _is_flag(raw: pa.ChunkedArray) -> bool:
    ends = pc.min_max(raw).as_py()
    return bool(ends["min"] >= 0 and ends["max"] <= 1)


def _floats(raw: pa.ChunkedArray) -> Floats:
    return np.asarray(pc.fill_null(raw.cast(pa.float64(), safe=False), np.nan), dtype=np.float64)


def _distinct(raw: pa.ChunkedArray) -> int:
    return int(pc.count_distinct(raw, mode="only_valid").as_py())


def _text(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """Any values as text; what is nested as JSON."""
    if pa.types.is_dictionary(raw.type):
        raw = raw.cast(raw.type.value_type)
    if pa.types.is_nested(raw.type) or pa.types.is_binary(raw.type) or pa.types.is_large_binary(raw.type):
        told = [None if value is None else to_json(value, bytes_mode="base64").decode() for value in raw.to_pylist()]
        return pa.chunked_array([pa.array(told, pa.string())])
    return raw.cast(pa.string())
