"""From the bytes of a record to a value: Avro in the wire format, and JSON on input topics."""

import struct
from collections.abc import Callable
from io import BytesIO
from typing import Any, NamedTuple

import fastavro
from pydantic import BaseModel, TypeAdapter, ValidationError

from schemas.avro import HEADER_BYTES, MAGIC, Schema, avro_schema, schema_id_of
from schemas.message import Message
from schemas.read import UNREAD, Read, own_reader
from schemas.registry import Registry
from schemas.reject import Reason, Reject

JSON_OPENS = ord("{")
_UNREADABLE = (ValueError, KeyError, TypeError, ArithmeticError, struct.error, AttributeError)

Decode = Callable[[bytes | None], Any]


class Written(NamedTuple):
    """How values of one writer are read: the `reader` schema where it is another, else what reads most, if anything."""

    writer: Any
    reader: Any
    read: Read | None


def own_decoder(model: type[Message], registry: Registry) -> Decode:
    """Decodes values of one of Millrace's own topics to the fields of `model`, as a dictionary."""
    return _avro_decoder(avro_schema(model), registry)


def input_decoder(model: type[BaseModel], registry: Registry) -> Decode:
    """Decodes values of a user's topic, Avro or JSON, to validated instances of `model`.

    JSON is validated strictly (a number in quotes is no number). The function raises `Reject`.
    """
    from_avro = _avro_decoder(avro_schema(model), registry)
    validator = TypeAdapter(model).validator

    def decode(value: bytes | None) -> Any:
        fields = None if value and value[0] == JSON_OPENS else from_avro(value)
        try:
            if fields is not None:
                return validator.validate_python(fields)
            return validator.validate_json(value or b"", strict=True)
        except ValidationError as error:
            raise _invalid(error) from error
        except Exception as error:  # the user's own validators, of which anything may come: named and rejected
            message = f"a check of {model.__name__} failed: {type(error).__name__}: {error}"
            raise Reject(Reason.INVALID, message) from error

    return decode


def _avro_decoder(reader: Schema, registry: Registry) -> Decode:
    """Decodes wire-format Avro written with any compatible schema to fields of the `reader` schema."""
    by_header: dict[bytes, Written] = {}

    def decode(value: bytes | None) -> Any:
        if not value:
            raise Reject(Reason.EMPTY, "the value has no bytes")
        header = value[:HEADER_BYTES]
        written = by_header.get(header)
        if written is None:
            written = by_header[header] = _resolution(registry.writer(_schema_id(header)), reader)
        return _read(value, written)

    return decode


def _schema_id(header: bytes) -> int:
    """The schema id in the first bytes of a value. Raises `Reject` where they are no header."""
    if header[0] != MAGIC:
        raise Reject(Reason.NOT_AVRO, f"the value starts with byte {header[0]}, neither 0 (Avro) nor {{ (JSON)")
    if len(header) < HEADER_BYTES:
        raise Reject(Reason.NOT_AVRO, f"the value ends after {len(header)} bytes, within the id of its schema")
    return schema_id_of(header)


def _resolution(writer: Any, reader: Schema) -> Written:
    """How what `writer` has written is read. The record's own name does not matter."""
    if not isinstance(writer, dict) or writer.get("type") != "record":
        raise Reject(Reason.UNREADABLE, "the schema of the value is not a record")
    renamed = fastavro.parse_schema({**reader, "name": writer["name"], "namespace": ""})
    same = fastavro.schema.to_parsing_canonical_form(writer) == fastavro.schema.to_parsing_canonical_form(renamed)
    return Written(writer, None, own_reader(writer)) if same else Written(writer, renamed, None)


def _read(value: bytes, written: Written) -> Any:
    if written.read is not None:
        try:
            fields = written.read(value)
        except UNREAD:
            fields = None
        if fields is not None:
            return fields
    return _read_slowly(value, written)


def _read_slowly(value: bytes, written: Written) -> Any:
    buffer = BytesIO(value)
    buffer.seek(HEADER_BYTES)
    try:
        fields = fastavro.schemaless_reader(buffer, written.writer, written.reader)
    except fastavro.read.SchemaResolutionError as error:
        raise Reject(Reason.INVALID, f"the writer's schema does not fit: {error}") from error
    except (EOFError, IndexError) as error:
        raise Reject(Reason.UNREADABLE, "the bytes end before the value that their schema promises") from error
    except _UNREADABLE as error:
        raise Reject(Reason.UNREADABLE, f"the bytes do not follow their schema: {error!r}") from error
    if buffer.tell() != len(value):
        raise Reject(Reason.UNREADABLE, f"{len(value) - buffer.tell()} bytes are left over after the value")
    return fields


def _invalid(error: ValidationError) -> Reject:
    first = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "value"
    return Reject(Reason.INVALID, f"{where}: {first['msg']}")
