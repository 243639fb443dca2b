"""Rows of a file as values, equal to what they would be if they had been sent to Kafka and read back."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from types import NoneType
from typing import Any

import fastavro
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from producers.publish import Route
from schemas.avro import Schema
from schemas.decode import Decode, input_decoder
from schemas.registry import Registry
from streams.checks import types_of

_PLAIN = {str, int, float, bool, datetime}
_HARMLESS = {"allow_inf_nan", "extra", "frozen", "strict", "title"}
_CODE = ("__init__", "model_post_init", "__get_pydantic_core_schema__")


class Carried:
    """How values of one class come from a file to the fold: `send` in front of the merge, `decode` behind it.

    Plain fields come out of Avro as they went in, times in UTC, so a class that has no others is spared the way there
    and back. Rows of any other class are encoded as `millrace produce` does, and decoded as a worker does.
    """

    send: Callable[[BaseModel], Any]
    decode: Decode

    def __init__(self, model: type[BaseModel], *, key: str) -> None:
        """Raises `Problem` where `model` has no Avro schema."""
        if is_plain(model):
            times = [name for name in model.model_fields if datetime in types_of(model, name)]
            self.send, self.decode = _in_utc(times), lambda value: value
        else:
            registry = _Alone()
            route = Route(model, topic=model.__name__, key=key, registry=registry)
            self.send, self.decode = lambda record: route.message(record)[1], input_decoder(model, registry)


def is_plain(model: type[BaseModel]) -> bool:
    """Whether a value of `model`, encoded, decoded and validated once more, is equal for sure."""
    decorators = model.__pydantic_decorators__
    own = [name for name in _CODE if _function(model, name) is not _function(BaseModel, name)]
    own += [each.name for each in fields(decorators) if getattr(decorators, each.name)]
    return (
        not own
        and set(model.model_config) <= _HARMLESS
        and all(_is_plain(model, name, field) for name, field in model.model_fields.items())
    )


def _is_plain(model: type[BaseModel], name: str, field: FieldInfo) -> bool:
    """One type, or that and None, under its own name, with no code of somebody's own."""
    kinds = set(types_of(model, name)) - {NoneType}
    code = [each for each in field.metadata if hasattr(each, "__get_pydantic_core_schema__")]
    return len(kinds) == 1 and kinds <= _PLAIN and field.alias is None and field.validation_alias is None and not code


def _function(model: type[BaseModel], name: str) -> object:
    found = getattr(model, name)
    return getattr(found, "__func__", found)


def _in_utc(times: Sequence[str]) -> Callable[[BaseModel], BaseModel]:
    def send(record: BaseModel) -> BaseModel:
        held = record.__dict__
        for name in times:
            time = held[name]
            if time is not None and time.tzinfo is not UTC:
                held[name] = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        return record

    return send


class _Alone(Registry):
    """A registry that has nobody behind it."""

    def __init__(self) -> None:
        self._parsed: dict[int, Any] = {}

    def register(self, topic: str, schema: Schema) -> int:  # noqa: ARG002 (the signature of the real one)
        """The next id."""
        self._parsed[len(self._parsed)] = fastavro.parse_schema(schema)
        return len(self._parsed) - 1

    def close(self) -> None:
        """There is no connection to give back."""
