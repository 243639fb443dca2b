"""Our own reader reads what fastavro reads, or leaves it to fastavro."""

from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro import HEADER_BYTES, Schema, avro_schema, encoder
from schemas.message import Message
from schemas.passed import Passed
from schemas.read import UNREAD, own_reader
from tests.schemas.test_encode import MESSAGES, values

PLAIN = {
    "id": "string",
    "count": "long",
    "small": "int",
    "amount": "double",
    "share": "float",
    "known": "boolean",
    "raw": "bytes",
    "kind": {"type": "enum", "name": "Kind", "symbols": ["in", "out", "back"]},
    "seen_at": {"type": "long", "logicalType": "timestamp-micros"},
    "told_at": {"type": "long", "logicalType": "timestamp-millis"},
    "tip": ["null", "double"],
    "left_at": [{"type": "long", "logicalType": "timestamp-micros"}, "null"],
    "sizes": {"type": "array", "items": "double"},
    "tags": {"type": "array", "items": "string"},
    "rows": {"type": "array", "items": {"type": "array", "items": "long"}},
    "shares": {"type": "map", "values": ["null", "double"]},
}
"""One field of each type that we read."""


def record(**types: Any) -> Schema:
    """A record with fields of these types."""
    return {"type": "record", "name": "Plain", "fields": [{"name": name, "type": kind} for name, kind in types.items()]}


TIMES = st.datetimes(datetime(1000, 1, 1), datetime(3000, 1, 1), timezones=st.just(UTC))
DRAWN: dict[str, st.SearchStrategy[Any]] = {
    "small": st.integers(-(2**31), 2**31 - 1),
    "share": st.floats(width=32, allow_nan=False),
    "kind": st.sampled_from(["in", "out", "back"]),
    "seen_at": TIMES,
    "told_at": TIMES.map(lambda time: time - timedelta(microseconds=time.microsecond % 1_000)),
    "left_at": st.none() | TIMES,
}
OURS: list[type[Message]] = [*MESSAGES, Passed]
SCHEMAS = {"plain": record(**PLAIN), **{each.__name__: avro_schema(each) for each in OURS}}
EACH = pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)


def written(data: st.DataObject, schema: Schema, bits: int) -> bytes:
    """A value with fields of any kind, and numbers of so many bits, as fastavro writes it."""
    drawn = {f["name"]: DRAWN[f["name"]] if f["name"] in DRAWN else values(f["type"], bits) for f in schema["fields"]}
    return encoder(schema, 7)(data.draw(st.fixed_dictionaries(drawn)))


def by_fastavro(schema: Schema, value: bytes) -> tuple[Any, int]:
    """The fields, and how many bytes they take with their header."""
    buffer = BytesIO(value)
    buffer.seek(HEADER_BYTES)
    return fastavro.schemaless_reader(buffer, schema, None), buffer.tell()


@EACH
@given(data=st.data())
def test_what_fastavro_writes_is_read(schema: Schema, data: st.DataObject) -> None:
    read = own_reader(schema)
    value = written(data, schema, bits=55)

    assert read is not None
    assert repr(read(value)) == repr(by_fastavro(schema, value)[0])


@EACH
@given(data=st.data())
def test_what_is_wrong_is_left_to_fastavro(schema: Schema, data: st.DataObject) -> None:
    read = own_reader(schema)
    assert read is not None
    value = written(data, schema, bits=63)
    bits = st.integers(8 * HEADER_BYTES, 8 * len(value) - 1)
    broken = bytearray(value)
    for place in data.draw(st.lists(bits, max_size=4)):
        broken[place // 8] ^= 1 << place % 8
    broken = broken[: data.draw(st.integers(HEADER_BYTES, len(value)) | st.just(len(value)))]
    broken += data.draw(st.binary(max_size=2))

    try:
        fields = read(bytes(broken))
    except UNREAD:
        return

    if fields is not None:
        expected, end = by_fastavro(schema, bytes(broken))
        assert (repr(fields), len(broken)) == (repr(expected), end)


@pytest.mark.parametrize("bits", range(1, 64))
def test_numbers_where_one_more_digit_is_needed_are_read(bits: int) -> None:
    schema = record(value="long")
    read = own_reader(schema)
    assert read is not None

    for number in (1 << bits - 1, (1 << bits - 1) - 1, -(1 << bits - 1), -(1 << bits - 1) - 1):
        value = encoder(schema, 7)({"value": number})
        if len(value) <= HEADER_BYTES + 8:
            assert read(value) == {"value": number}
        else:
            with pytest.raises(UNREAD):
                read(value)


@pytest.mark.parametrize("bits", range(1, 15))
def test_texts_where_one_more_digit_is_needed_are_read(bits: int) -> None:
    schema = record(before="string", after="bytes")
    read = own_reader(schema)
    assert read is not None

    for size in ((1 << bits - 1) - 1, 1 << bits - 1):
        fields = {"before": "é" * size, "after": b"\xff" * size}
        assert read(encoder(schema, 7)(fields)) == fields


@pytest.mark.parametrize(
    ("name", "wrong"),
    {
        "a text of a negative length": ("string", b"\x05abc"),
        "bytes of a negative length": ("bytes", b"\x05abc"),
        "a text that is longer than what there is": ("string", b"\x0aabc"),
        "a text that is no UTF-8": ("string", b"\x02\xff"),
        "an array in two blocks": ("array", b"\x02\x02\x02\x04\x00"),
        "an array in a block that tells its size": ("array", b"\x01\x02\x02\x00"),
        "a truth that is neither": ("boolean", b"\x02"),
        "a symbol that there is not": ("enum", b"\x06"),
        "a branch that there is not": ("union", b"\x04" + bytes(8)),
        "a number without an end": ("long", b"\xff" * 8),
        "a time behind all years": ("time", b"\xfe\xff\xff\xff\xff\xff\xff\x7f"),
    }.items(),
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_each_of_these_is_left_to_fastavro(name: str, wrong: tuple[str, bytes]) -> None:
    kinds = {"array": {"type": "array", "items": "long"}, "enum": PLAIN["kind"], "union": PLAIN["tip"]}
    kinds["time"] = PLAIN["told_at"]
    kind, said = wrong
    read = own_reader(record(value=kinds.get(kind, kind)))
    assert read is not None

    try:
        assert read(b"\x00" * HEADER_BYTES + said) is None, name
    except UNREAD:
        return


def test_a_second_block_is_not_taken_for_what_comes_behind_an_array() -> None:
    read = own_reader(record(value={"type": "array", "items": "long"}, text="string"))
    assert read is not None

    # 1, 5 and "abc", where whoever passes over the size of the second block reads 1 and "\x00\x06abc".
    assert read(b"\x00" * HEADER_BYTES + b"\x02\x02\x02\x0a\x00\x06abc") is None


@pytest.mark.parametrize(
    "kind",
    [
        {"type": "int", "logicalType": "date"},
        {"type": "long", "logicalType": "time-micros"},
        {"type": "string", "logicalType": "uuid"},
        {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
        {"type": "fixed", "name": "Four", "size": 4},
        {"type": "array", "items": {"type": "long", "logicalType": "local-timestamp-micros"}},
        {"type": "record", "name": "Place", "fields": []},
        ["null", "string", "double"],
        ["string"],
        "null",
    ],
)
def test_seldom_types_are_left_to_fastavro(kind: Any) -> None:
    assert own_reader(record(value=kind)) is None
