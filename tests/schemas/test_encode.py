"""Our own encoder writes what fastavro writes, byte for byte."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from schemas.alert import Alert
from schemas.avro import avro_schema, encoder
from schemas.encode import own_encoder
from schemas.ledger import Entry
from schemas.message import Message
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.problem import Problem
from schemas.scored import Scored

MESSAGES: list[type[Message]] = [Scored, Outcome, Metric, Alert, Entry]


def values(kind: Any, bits: int = 63) -> st.SearchStrategy[Any]:
    """Values of an Avro type, as our messages use it; whole numbers of so many bits and a sign."""
    if isinstance(kind, list):
        return st.one_of([values(branch, bits) for branch in kind])
    if isinstance(kind, dict) and kind["type"] == "array":
        return st.lists(values(kind["items"], bits), max_size=5)
    if isinstance(kind, dict) and kind["type"] == "map":
        return st.dictionaries(st.text(max_size=8), values(kind["values"], bits), max_size=4)
    name = kind["type"] if isinstance(kind, dict) else kind
    return {
        "null": st.none(),
        "string": st.text(max_size=80),
        "long": st.integers(-(2**bits), 2**bits - 1),
        "double": st.floats(allow_nan=False),
        "boolean": st.booleans(),
        "bytes": st.binary(max_size=200),
    }[name]


@pytest.mark.parametrize("message", MESSAGES)
@given(data=st.data())
def test_our_bytes_are_those_of_fastavro(message: type[Message], data: st.DataObject) -> None:
    schema = avro_schema(message)
    fields = data.draw(st.fixed_dictionaries({f["name"]: values(f["type"]) for f in schema["fields"]}))

    assert own_encoder(schema, 7)(fields) == encoder(schema, 7)(fields)


@pytest.mark.parametrize("bits", range(1, 64))
def test_numbers_where_one_more_digit_is_needed_are_those_of_fastavro(bits: int) -> None:
    class Number(BaseModel):
        value: int

    schema = avro_schema(Number)

    for value in (1 << bits - 1, (1 << bits - 1) - 1, -(1 << bits - 1), -(1 << bits - 1) - 1):
        assert own_encoder(schema, 7)({"value": value}) == encoder(schema, 7)({"value": value})


def test_a_type_that_our_messages_do_not_have_is_refused() -> None:
    class Mixed(BaseModel):
        value: int | str

    with pytest.raises(Problem, match="union"):
        own_encoder(avro_schema(Mixed), 1)
