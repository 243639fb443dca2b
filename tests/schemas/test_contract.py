"""What was once written can be read for ever: every stored example, with today's classes."""

import json

import pytest
from pydantic import BaseModel

from schemas.avro import avro_schema, encoder
from schemas.decode import input_decoder, own_decoder
from tests.schemas.stored import CLASSES, OWN, Example, WrittenWith, examples

ALL = examples()


@pytest.mark.parametrize("example", ALL, ids=lambda example: example.name)
def test_a_stored_example_still_says_what_it_said(example: Example) -> None:
    decoded = input_decoder(example.model, example.registry)(example.value)

    said = json.loads(decoded.model_dump_json())
    assert {name: said[name] for name in example.fields} == example.fields


@pytest.mark.parametrize("example", [each for each in ALL if each.model in OWN], ids=lambda example: example.name)
def test_our_own_decoder_gives_the_fields_of_a_valid_message(example: Example) -> None:
    model = next(each for each in OWN if each is example.model)

    message = model(**own_decoder(model, example.registry)(example.value))

    said = json.loads(message.model_dump_json())
    assert {name: said[name] for name in example.fields} == example.fields


@pytest.mark.parametrize("example", ALL, ids=lambda example: example.name)
def test_todays_schema_writes_what_todays_class_reads_back(example: Example) -> None:
    today = avro_schema(example.model)
    message = input_decoder(example.model, example.registry)(example.value)

    written = encoder(today, 1)(message.model_dump())

    assert input_decoder(example.model, WrittenWith(today))(written) == message


@pytest.mark.parametrize("model", CLASSES, ids=lambda model: model.__name__)
def test_every_message_has_a_stored_example_in_todays_schema(model: type[BaseModel]) -> None:
    stored = [each.registry.stored for each in ALL if each.model is model]

    assert avro_schema(model) in stored, f"{model.__name__} has changed: store an example of it as it is now"
