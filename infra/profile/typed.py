"""Which types the columns of a file have, where the file itself does not say."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import to_json

_TIMES = (pa.timestamp("us", "UTC"), pa.timestamp("us"), pa.timestamp("ns", "UTC"))
_NUMBERS = (pa.int64(), pa.float64(), pa.bool_())
_PADDED = r"^\s*[+-]?0[0-9]"
_PLAIN = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}


def typed(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as whole numbers, numbers, truth values or times, where every value is one; else as it is.

    Digits behind a leading zero are a name, as of an account, and stay text.
    """
    padded = pc.any(pc.match_substring_regex(text, _PADDED)).as_py()
    return _as_one_of(text, _TIMES if padded else (*_NUMBERS, *_TIMES))


def timed(raw: pa.ChunkedArray) -> pa.ChunkedArray:
    """Text as times, where every value is one; anything else as it is."""
    return _as_one_of(raw, _TIMES) if pa.types.is_string(raw.type) else raw


def _as_one_of(text: pa.ChunkedArray, kinds: Iterable[pa.DataType]) -> pa.ChunkedArray:
    if text.null_count == len(text):
        return text
    for kind in kinds:
        try:
            return pc.cast(pc.utf8_trim_whitespace(text), kind)
        except pa.ArrowInvalid:
            continue
    return text


class Gathered:
    """Rows of dictionaries as columns: each of one type, of numbers where all are numbers, else of text."""

    def __init__(self) -> None:
        self._chunks: dict[str, list[pa.Array]] = {}
        self._rows = 0

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """These too, which may have other names."""
        for name in dict.fromkeys(name for row in rows for name in row):
            if name not in self._chunks:
                self._chunks[name] = [pa.nulls(self._rows)]
            self._chunks[name].append(array([row.get(name) for row in rows]))
        self._rows += len(rows)
        for chunks in self._chunks.values():
            short = self._rows - sum(map(len, chunks))
            if short:
                chunks.append(pa.nulls(short))

    def columns(self) -> dict[str, pa.ChunkedArray]:
        return {name: joined(chunks) for name, chunks in self._chunks.items()}


def array(values: Sequence[Any]) -> pa.Array:
    """Plain values of one type or of numbers, else their text, and that of what is nested as JSON."""
    kinds = {type(value) for value in values if value is not None}
    if kinds <= {int, float} and kinds:
        values = [float(value) for value in values] if _is_large(values, kinds) else values
        return pa.array(values, pa.float64() if float in kinds or _is_large(values, kinds) else pa.int64())
    if len(kinds) == 1 and kinds <= set(_PLAIN):
        return pa.array(values, _PLAIN[kinds.pop()])
    return pa.array([_text(value) for value in values], pa.string()) if kinds else pa.nulls(len(values))


def joined(chunks: Iterable[pa.Array]) -> pa.ChunkedArray:
    """One column of what was gathered."""
    held = list(chunks)
    kinds = {chunk.type for chunk in held} - {pa.null()}
    if len(kinds) > 1:
        wide = pa.float64() if kinds == {pa.int64(), pa.float64()} else pa.string()
        held = [chunk.cast(wide, safe=False) for chunk in held]
        kinds = {wide}
    kind = kinds.pop() if kinds else pa.string()
    return pa.chunked_array([chunk.cast(kind) for chunk in held], kind)


def _is_large(values: Sequence[Any], kinds: set[type]) -> bool:
    return kinds == {int} and any(value is not None and not -(2**63) <= value < 2**63 for value in values)


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return to_json(value).decode()
