"""Avro bytes of Millrace's own messages, by a function written out once per schema.

fastavro's writer looks up the schema and the branch of every union again for each value; for a flat message of known
fields that is most of its time. What is written here is the same, byte for byte (fastavro is the oracle of the test).
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from schemas.avro import Schema, wire_header
from schemas.problem import Problem

Write = Callable[[Any], bytes]

_SMALL = 1 << 7
_SHORT = 1 << 6
"""Below that a length takes one byte."""

_PAIR, _TWO_PAIRS, _THREE_PAIRS = 1 << 14, 1 << 28, 1 << 42
_ONE_BYTE = tuple(bytes([n]) for n in range(_SMALL))
_MORE = tuple(bytes([n & 0x7F | 0x80, n >> 7 | 0x80]) for n in range(_PAIR))
"""Fourteen bits in two bytes, when more follow …"""
_LAST = (*_ONE_BYTE, *(bytes([n & 0x7F | 0x80, n >> 7]) for n in range(_SMALL, _PAIR)))
"""… and when none do."""
_REPEATED = 1_024
"""How many texts that come again and again, such as class names, are kept encoded."""

_DOUBLE = struct.Struct("<d").pack
_FLOAT = struct.Struct("<f").pack


def own_encoder(schema: Schema, schema_id: int) -> Callable[[Mapping[str, Any]], bytes]:
    """A function from the fields of a message, which must all be there and right, to its bytes on the wire.

    Raises `Problem` where the schema uses a type that Millrace's own messages do not have.
    """
    scope: dict[str, Any] = {"header": wire_header(schema_id), "long": _long, "double": _DOUBLE, "short": _ONE_BYTE}
    lines, parts = [], ["header"]
    for place, field in enumerate(schema["fields"]):
        value, kind = f"fields[{field['name']!r}]", field["type"]
        if kind == "string":
            lines.append(f"    text{place} = {value}.encode()\n    size{place} = len(text{place})\n")
            parts += [f"short[2 * size{place}] if size{place} < {_SHORT} else long(size{place})", f"text{place}"]
        elif kind in ("long", "double"):
            parts.append(f"{kind}({value})")
        elif isinstance(kind, list):
            scope[f"null{place}"], scope[f"write{place}"] = _nullable(kind)
            lines.append(f"    value{place} = {value}\n")
            parts.append(f"null{place} if value{place} is None else write{place}(value{place})")
        else:
            scope[f"write{place}"] = _writer(kind)
            parts.append(f"write{place}({value})")
    exec(f"def encode(fields):\n{''.join(lines)}    return b''.join(({', '.join(parts)}))", scope)  # noqa: S102 (our own words)
    encode: Callable[[Mapping[str, Any]], bytes] = scope["encode"]
    return encode


def _writer(kind: Any) -> Write:
    if isinstance(kind, list):
        null, write = _nullable(kind)
        return lambda value: null if value is None else write(value)
    if isinstance(kind, dict) and kind["type"] == "array":
        return _doubles if kind["items"] in ("double", {"type": "double"}) else _array(_writer(kind["items"]))
    if isinstance(kind, dict) and kind["type"] == "map":
        return _map(_writer(kind["values"]))
    name = kind["type"] if isinstance(kind, dict) and "logicalType" not in kind else kind
    if name not in _PRIMITIVES:
        raise Problem(f"{name} is no type of Millrace's own messages: use text, numbers, maps or lists of them")
    return _PRIMITIVES[name]


def _long(value: int) -> bytes:
    """Zigzag, then base 128, low bits first: two digits at a time, from a table."""
    rest = value << 1 if value >= 0 else ~(value << 1)
    if rest < _PAIR:
        return _LAST[rest]
    if rest < _TWO_PAIRS:  # as offsets are …
        return _MORE[rest & _PAIR - 1] + _LAST[rest >> 14]
    if rest < _THREE_PAIRS:  # … and milliseconds since 1970
        return _MORE[rest & _PAIR - 1] + _MORE[rest >> 14 & _PAIR - 1] + _LAST[rest >> 28]
    parts = []
    while rest >= _PAIR:
        parts.append(_MORE[rest & _PAIR - 1])
        rest >>= 14
    parts.append(_LAST[rest])
    return b"".join(parts)


def _string(value: str) -> bytes:
    raw = value.encode()
    size = len(raw)
    return (_ONE_BYTE[2 * size] if size < _SHORT else _long(size)) + raw


_again = lru_cache(_REPEATED)(_string)


def _bytes(value: bytes) -> bytes:
    return _long(len(value)) + value


def _boolean(value: bool) -> bytes:
    return b"\x01" if value else b"\x00"


def _doubles(values: Sequence[float]) -> bytes:
    """An array of doubles in one block."""
    return _row(len(values))(*values) if values else b"\x00"


@lru_cache(_REPEATED)
def _row(count: int) -> Callable[..., bytes]:
    """Packs so many doubles as one block."""
    before, after = _long(count), b"\x00"
    pack = struct.Struct(f"<{len(before)}s{count}d1s").pack
    return lambda *values: pack(before, *values, after)


def _array(write: Write) -> Write:
    def encode(values: Sequence[Any]) -> bytes:
        return _long(len(values)) + b"".join([write(value) for value in values]) + b"\x00" if values else b"\x00"

    return encode


def _map(write: Write) -> Write:
    def encode(values: Mapping[str, Any]) -> bytes:
        if not values:
            return b"\x00"
        size = len(values)
        count = _ONE_BYTE[2 * size] if size < _SHORT else _long(size)
        return count + b"".join([_again(k) + write(v) for k, v in values.items()]) + b"\x00"

    return encode


def _nullable(branches: list[Any]) -> tuple[bytes, Write]:
    """A union of null and one other type: the bytes of null, and how the other is written."""
    if len(branches) != 2 or "null" not in branches:
        raise Problem(f"the union {branches} is no type of Millrace's own messages: use one type, or that and null")
    null = _ONE_BYTE[2 * branches.index("null")]
    place = _ONE_BYTE[2 * (1 - branches.index("null"))]
    kind = branches[1 - branches.index("null")]
    write = _writer(kind)
    if kind == "string":
        return null, lru_cache(_REPEATED)(lambda value: place + write(value))
    return null, lambda value: place + write(value)


_PRIMITIVES: Mapping[str, Write] = {
    "string": _string,
    "long": _long,
    "int": _long,
    "double": _DOUBLE,
    "float": _FLOAT,
    "boolean": _boolean,
    "bytes": _bytes,
}
