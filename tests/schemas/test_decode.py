"""Whatever the bytes are, they give a valid value or a reject with its reason; never another exception."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from confluent_kafka.schema_registry import Schema as RegisteredSchema
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, create_model, field_validator

from schemas.avro import avro_schema, encoder, wire_header
from schemas.decode import input_decoder, own_decoder
from schemas.problem import Problem
from schemas.registry import Registry
from schemas.reject import Reason, Reject
from schemas.scored import Scored
from tests.schemas.in_process import InProcess


class Kind(Enum):
    """A choice."""

    IN = "in"
    OUT = "out"


class Place(BaseModel):
    """A record within a record."""

    city: str
    at: tuple[float, ...] = ()


class Visit(BaseModel):
    """One value of every type that users have."""

    visit_id: UUID
    seen_at: datetime
    day: date
    amount: float = Field(ge=0, le=1_000)
    count: int
    known: bool
    kind: Kind
    tip: float | None = None
    tags: list[str] = []
    shares: dict[str, float] = {}
    place: Place
    raw: bytes = b""


VISIT = Visit(
    visit_id=UUID(int=7),
    seen_at=datetime(2024, 2, 29, 12, 30, 0, 123_000, tzinfo=UTC),
    day=date(2024, 2, 29),
    amount=12.5,
    count=-3,
    known=True,
    kind=Kind.OUT,
    tip=0.5,
    tags=["a", "bc"],
    shares={"x": 0.25},
    place=Place(city="Ulm", at=(48.4, 10.0)),
    raw=b"\x00\xff",
)
REGISTRY = InProcess()
SCHEMA_ID = REGISTRY.register("visits", avro_schema(Visit))
DECODE = input_decoder(Visit, REGISTRY)
VALUE = encoder(avro_schema(Visit), SCHEMA_ID)({**VISIT.model_dump(), "kind": "out"})

SCORED = Scored(
    event_id="1",
    entities={"card": "a"},
    event_time_ms=1,
    features=[1.0, 2.0],
    feature_set="f",
    score=0.5,
    predicted="true",
    probabilities={"a": 0.5},
    model_id="m",
    rung="champion",
    explanation=None,
    source_topic="t",
    source_partition=0,
    source_offset=7,
)
SCORED_ID = REGISTRY.register("scored", avro_schema(Scored))
SCORED_VALUE = encoder(avro_schema(Scored), SCORED_ID)(SCORED.model_dump())
BOTH = pytest.mark.parametrize(
    ("decode", "value"),
    [(DECODE, VALUE), (own_decoder(Scored, REGISTRY), SCORED_VALUE)],
    ids=["a user's value", "our own value"],
)


def reason(value: bytes | None, decode: Callable[[bytes | None], Any] = DECODE) -> Reason:
    with pytest.raises(Reject) as told:
        decode(value)
    assert "\n" not in told.value.message
    return told.value.reason


def test_what_was_written_is_read() -> None:
    assert DECODE(VALUE) == VISIT
    assert Scored(**own_decoder(Scored, REGISTRY)(SCORED_VALUE)) == SCORED
    assert DECODE(changed()) == VISIT.model_copy(update={"raw": b""})


@BOTH
def test_every_prefix_is_rejected(decode: Callable[[bytes | None], Any], value: bytes) -> None:
    for length in range(len(value)):
        assert reason(value[:length], decode) in (Reason.EMPTY, Reason.NOT_AVRO, Reason.UNREADABLE)


@BOTH
@given(data=st.data())
def test_flipped_bits_give_a_value_or_a_reject(
    decode: Callable[[bytes | None], Any], value: bytes, data: st.DataObject
) -> None:
    broken = bytearray(value)
    for place in data.draw(st.lists(st.integers(0, 8 * len(value) - 1), min_size=1, max_size=4)):
        broken[place // 8] ^= 1 << place % 8

    try:
        decode(bytes(broken))
    except Reject as reject:
        assert isinstance(reject.reason, Reason)  # noqa: PT017  (a value is as good an answer)


@BOTH
@given(rest=st.binary(max_size=60), schema_id=st.sampled_from([SCHEMA_ID, SCORED_ID, 999]))
def test_random_bytes_give_a_value_or_a_reject(
    decode: Callable[[bytes | None], Any], value: bytes, rest: bytes, schema_id: int
) -> None:
    for tried in (rest, wire_header(schema_id) + rest, value + rest[1:], b"{" + rest):
        try:
            decode(tried)
        except Reject as reject:
            assert isinstance(reject.reason, Reason)  # noqa: PT017  (a value is as good an answer)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, Reason.EMPTY),
        (b"", Reason.EMPTY),
        (b"hello", Reason.NOT_AVRO),
        (b"\x00\x00", Reason.NOT_AVRO),
        (b"[1]", Reason.NOT_AVRO),
        (wire_header(999) + VALUE[5:], Reason.UNKNOWN_SCHEMA),
        (VALUE + b"\x00", Reason.UNREADABLE),
        (VALUE[:-1], Reason.UNREADABLE),
        (wire_header(SCORED_ID) + SCORED_VALUE[5:], Reason.INVALID),
        (b"{", Reason.INVALID),
        (b"{}", Reason.INVALID),
        (b'{"count": ' + b"9" * 5_000 + b"}", Reason.INVALID),
        (b"{" + b'"a":{' * 500, Reason.INVALID),
        (b'{"count": "\xff"}', Reason.INVALID),
    ],
)
def test_what_cannot_be_read_is_rejected_with_its_reason(value: bytes | None, expected: Reason) -> None:
    assert reason(value) is expected


def changed(**fields: Any) -> bytes:
    """The visit as JSON, with some fields given as they are."""
    told = json.loads(VISIT.model_copy(update={"raw": b""}).model_dump_json())
    return json.dumps({**told, **fields}).encode()


@pytest.mark.parametrize(
    "fields",
    [
        {"amount": "12.5"},
        {"amount": -1},
        {"amount": 1_001},
        {"amount": None},
        {"count": "3"},
        {"count": 3.5},
        {"known": "true"},
        {"known": 1},
        {"kind": "sideways"},
        {"seen_at": "yesterday"},
        {"tags": "a"},
        {"place": {}},
    ],
)
def test_json_is_strict(fields: dict[str, Any]) -> None:
    assert DECODE(changed()).amount == 12.5
    with pytest.raises(Reject, match=next(iter(fields))) as told:
        DECODE(changed(**fields))
    assert told.value.reason is Reason.INVALID


def test_a_missing_field_is_named() -> None:
    told = json.loads(changed())
    del told["amount"]

    with pytest.raises(Reject, match="amount: Field required"):
        DECODE(json.dumps(told).encode())


def test_a_value_out_of_range_is_named_in_avro_too() -> None:
    value = encoder(avro_schema(Visit), SCHEMA_ID)({**VISIT.model_dump(), "kind": "out", "amount": 1e9})

    with pytest.raises(Reject, match="amount: Input should be less than or equal to 1000"):
        DECODE(value)


def writer(**fields: Any) -> tuple[int, Callable[[dict[str, Any]], bytes]]:
    """A schema that somebody else registered, and how they write."""
    schema = avro_schema(create_model("SomebodyElses", **fields))
    schema_id = REGISTRY.register(f"other-{len(fields)}-{'-'.join(fields)}", schema)
    return schema_id, encoder(schema, schema_id)


class Small(BaseModel):
    """What a reader wants."""

    id: str
    amount: float
    tip: float | None = None
    count: int = 3


@pytest.mark.parametrize(
    ("fields", "written", "read"),
    [
        (
            {"id": (str, ...), "amount": (float, ...), "tip": (float | None, None), "count": (int, 3)},
            {"id": "1", "amount": 2.0, "tip": None, "count": 4},
            Small(id="1", amount=2.0, count=4),
        ),
        (
            {"extra": (list[str], ...), "count": (int, ...), "id": (str, ...), "amount": (float, ...)},
            {"extra": ["x"], "count": 4, "id": "1", "amount": 2.0},
            Small(id="1", amount=2.0, count=4),
        ),
        ({"id": (str, ...), "amount": (float, ...)}, {"id": "1", "amount": 2.0}, Small(id="1", amount=2.0)),
        ({"amount": (int, ...), "id": (str, ...)}, {"id": "1", "amount": 2}, Small(id="1", amount=2.0)),
    ],
    ids=["the same under another name", "more, in another order", "fewer", "a whole number for a number"],
)
def test_another_writers_schema_is_resolved(fields: dict[str, Any], written: dict[str, Any], read: Small) -> None:
    _, write = writer(**fields)

    assert input_decoder(Small, REGISTRY)(write(written)) == read


@pytest.mark.parametrize(
    "fields",
    [{"id": (str, ...)}, {"id": (str, ...), "amount": (str, ...)}, {"id": (int, ...), "amount": (float, ...)}],
    ids=["no amount", "an amount in text", "an id in numbers"],
)
def test_a_writers_schema_that_does_not_fit_is_rejected(fields: dict[str, Any]) -> None:
    _, write = writer(**fields)
    sample = {str: "1", int: 1, float: 1.0}

    assert reason(write({n: sample[kind] for n, (kind, _) in fields.items()}), input_decoder(Small, REGISTRY)) in (
        Reason.INVALID,
        Reason.UNREADABLE,
    )


def registered(text: str, kind: str = "AVRO") -> bytes:
    """The header of a value whose schema is `text`."""
    client: Any = REGISTRY._client
    return wire_header(client.register_schema(f"odd-{abs(hash(text))}", RegisteredSchema(text, kind)))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('"string"', "AVRO"),
        ('["null", "string"]', "AVRO"),
        ('{"type": "array", "items": "long"}', "AVRO"),
        ('{"type": "object"}', "JSON"),
        ('{"type": "record", "name": "R", "fields": [{"name": "a", "type": "elsewhere.Other"}]}', "AVRO"),
    ],
    ids=["text", "union", "array", "not Avro", "refers to another schema"],
)
def test_a_value_whose_schema_is_no_record_of_its_own_is_rejected(text: str, kind: str) -> None:
    assert reason(registered(text, kind) + b"\x02a") in (Reason.UNREADABLE, Reason.NOT_AVRO)


class Careless(BaseModel):
    """A class whose own check fails otherwise than pydantic expects."""

    parts: dict[str, str]

    @field_validator("parts")
    @classmethod
    def _has_city(cls, parts: dict[str, str]) -> dict[str, str]:
        return {"city": parts["city"]}


def test_a_check_of_the_users_own_that_fails_is_a_reject() -> None:
    decode = input_decoder(Careless, REGISTRY)

    assert decode(b'{"parts": {"city": "Ulm"}}').parts == {"city": "Ulm"}
    with pytest.raises(Reject, match="KeyError") as told:
        decode(b'{"parts": {}}')
    assert told.value.reason is Reason.INVALID


def test_the_registry_being_down_is_no_fault_of_the_value() -> None:
    with Registry({"url": "http://127.0.0.1:1", "max.retries": 0}) as down, pytest.raises(Problem, match="registry"):
        input_decoder(Visit, down)(VALUE)


def test_each_schema_is_asked_for_once() -> None:
    asked: list[int] = []

    class Counting(InProcess):
        def _fetch(self, schema_id: int) -> Any:
            asked.append(schema_id)
            return REGISTRY._fetch(schema_id)

    decode = input_decoder(Visit, Counting())
    for _ in range(3):
        decode(VALUE)

    assert asked == [SCHEMA_ID]
