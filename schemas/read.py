"""Fields of an Avro record, by a function written out once per schema.

fastavro's reader asks the schema again what to do at each value, and fetches numbers byte by byte; for a flat record
that is most of its time. What is read here is what fastavro reads (the oracle of the test), or nothing: types that are
seldom and values that are not right are left to fastavro, with the words for what is wrong.
"""

import struct
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from schemas.avro import HEADER_BYTES, Schema

Read = Callable[[bytes], dict[str, Any] | None]
"""Called with a value on the wire. None, and each exception of `UNREAD`: it has to be left to fastavro."""

UNREAD = (LookupError, ValueError, ArithmeticError, struct.error)

Lines = list[str]

_STOPS = 0x8080_8080_8080_8080
_BYTES, _BYTES_ABOVE = 0x007F_007F_007F_007F, 0x7F00_7F00_7F00_7F00
_PAIRS, _PAIRS_ABOVE = 0x0000_3FFF_0000_3FFF, 0x3FFF_0000_3FFF_0000
_HALF, _HALF_ABOVE = 0x0000_0000_0FFF_FFFF, 0x0FFF_FFFF_0000_0000
_SEVERAL = 256
"""How many lengths of arrays are kept with what reads them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FLOATS = {"double": ("<d", 8), "float": ("<f", 4)}
_UNITS = {"timestamp-micros": timedelta(microseconds=1), "timestamp-millis": timedelta(milliseconds=1)}

_NUMBER = ["n = value[at]", "at += 1", "if n > 127:", "    n, at = longer(value, at - 1)"]
"""The digits of a number, zigzag: even ones are not negative."""
_LENGTH = [*_NUMBER, "odd |= n"]


class _Seldom(Exception):
    """A type that is left to fastavro."""


def own_reader(schema: Schema) -> Read | None:
    """Reads values written with `schema`, which is a record, behind their header; None where it has seldom types."""
    scope: dict[str, Any] = {"longer": _longer, "doubles": _doubles, "truth": {0: False, 1: True}, "epoch": _EPOCH}
    scope |= {f"unpack_{name}": struct.Struct(form).unpack_from for name, (form, _) in _FLOATS.items()}
    lines, said = [f"at, odd = {HEADER_BYTES}, 0"], []
    try:
        for place, field in enumerate(schema["fields"]):
            lines += _lines(field["type"], f"x{place}", scope)
            said.append(f"{field['name']!r}: x{place}")
    except _Seldom:
        return None
    # Nothing may be left over, and no length may have been negative.
    lines.append(f"return None if odd & 1 or at != len(value) else {{{', '.join(said)}}}")
    exec("\n".join(["def read(value):", *_deeper(lines)]), scope)  # noqa: S102 (our own words, and names in quotes)
    read: Read = scope["read"]
    return read


def _lines(kind: Any, into: str, scope: dict[str, Any]) -> Lines:
    """Reads one value of this type `into` a variable. Raises `_Seldom`."""
    if isinstance(kind, list):
        return _union(kind, into, scope)
    name, logical = (kind["type"], kind.get("logicalType")) if isinstance(kind, dict) else (kind, None)
    if logical is not None:
        if name != "long" or logical not in _UNITS:
            raise _Seldom
        unit = _put(scope, _UNITS[logical])
        return [*_lines(name, into, scope), f"{into} = epoch + {unit} * {into}"]
    match name:
        case "long" | "int":
            return [*_NUMBER, f"{into} = n >> 1 ^ -(n & 1)"]
        case "double" | "float":
            return [f"({into},) = unpack_{name}(value, at)", f"at += {_FLOATS[name][1]}"]
        case "string":
            return [*_LENGTH, "end = at + (n >> 1)", f"{into} = value[at:end].decode()", "at = end"]
        case "bytes":
            return [*_LENGTH, "end = at + (n >> 1)", f"{into} = value[at:end]", "at = end"]
        case "boolean":
            return [f"{into} = truth[value[at]]", "at += 1"]
        case "enum":
            symbols = _put(scope, {2 * n: symbol for n, symbol in enumerate(kind["symbols"])})
            return [*_NUMBER, f"{into} = {symbols}[n]"]
        case "array" if kind["items"] == "double":
            return _block(into, "[]", [f"{into} = [*doubles(n >> 1)(value, at)]", "at += n << 2"])
        case "array":
            item = [*_lines(kind["items"], f"{into}i", scope), f"{into}.append({into}i)"]
            return _block(into, "[]", ["for _ in range(n >> 1):", *_deeper(item)])
        case "map":
            item = [*_lines("string", f"{into}k", scope), *_lines(kind["values"], f"{into}v", scope)]
            return _block(into, "{}", ["for _ in range(n >> 1):", *_deeper([*item, f"{into}[{into}k] = {into}v"])])
    raise _Seldom


def _union(branches: list[Any], into: str, scope: dict[str, Any]) -> Lines:
    """One of null and another type."""
    if len(branches) != 2 or "null" not in branches:
        raise _Seldom
    null = branches.index("null")
    return [
        "branch = value[at]",
        "at += 1",
        f"if branch == {2 * null}:",
        f"    {into} = None",
        f"elif branch == {2 - 2 * null}:",
        *_deeper(_lines(branches[1 - null], into, scope)),
        "else:",
        "    return None",
    ]


def _block(into: str, empty: str, items: Lines) -> Lines:
    """All items of an array or a map, where they stand in one block, as in what is written by most."""
    behind = ["if value[at]:", "    return None", "at += 1"]
    return [*_LENGTH, f"{into} = {empty}", "if n:", *_deeper([*items, *behind])]


def _deeper(lines: Iterable[str]) -> Lines:
    return [f"    {line}" for line in lines]


def _put(scope: dict[str, Any], what: Any) -> str:
    """The name of a constant."""
    name = f"constant{len(scope)}"
    scope[name] = what
    return name


def _longer(value: bytes, at: int) -> tuple[int, int]:
    """The digits of a number of two to eight bytes, and where it ends. Raises `LookupError` where it has more.

    Seven bits of each byte count, the eighth says whether more follow: they are pushed together in pairs.
    """
    second = value[at + 1]
    if second < 128:
        return value[at] & 127 | second << 7, at + 2
    word = int.from_bytes(value[at : at + 8], "little")
    stop = ~word & _STOPS
    if not stop:
        raise LookupError("more than eight bytes")
    stop &= -stop
    word &= stop - 1
    word = word & _BYTES | (word & _BYTES_ABOVE) >> 1
    word = word & _PAIRS | (word & _PAIRS_ABOVE) >> 2
    return word & _HALF | (word & _HALF_ABOVE) >> 4, at + (stop.bit_length() >> 3)


@lru_cache(_SEVERAL)
def _doubles(count: int) -> Callable[[bytes, int], tuple[float, ...]]:
    """Reads so many doubles."""
    return struct.Struct(f"<{count}d").unpack_from
