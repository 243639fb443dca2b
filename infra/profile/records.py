"""Records of a pydantic class as columns."""

from collections.abc import Sequence
from datetime import datetime
from types import NoneType
from typing import Any

import pyarrow as pa
from pydantic import BaseModel

from infra.profile.typed import array, joined
from streams.checks import types_of

CHUNK = 10_000
_TYPES = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string(), datetime: pa.timestamp("us", "UTC")}


class Records:
    """Records of one class, of which a chunk at a time is held as objects."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._types = {name: _type(model, name) for name in model.model_fields}
        self._chunks: dict[str, list[pa.Array]] = {name: [] for name in self._types}
        self._held: list[BaseModel] = []

    def add(self, record: BaseModel) -> None:
        """One more row."""
        self._held.append(record)
        if len(self._held) == CHUNK:
            self._flush()

    def columns(self) -> dict[str, pa.ChunkedArray]:
        """All rows so far."""
        self._flush()
        return {name: joined(chunks) for name, chunks in self._chunks.items()}

    def _flush(self) -> None:
        for name, kind in self._types.items():
            self._chunks[name].append(_array([getattr(record, name) for record in self._held], kind))
        self._held = []


def _type(model: type[BaseModel], name: str) -> pa.DataType | None:
    """None where the class allows several types, or one that has no plain column."""
    kinds = set(types_of(model, name)) - {NoneType}
    return _TYPES.get(kinds.pop()) if len(kinds) == 1 else None


def _array(values: Sequence[Any], kind: pa.DataType | None) -> pa.Array:
    if kind is None:
        return array(values)
    try:
        return pa.array(values, kind)
    except OverflowError:
        return array(values)  # whole numbers of more than 64 bits
