"""The Avro schema of a pydantic class, and the Confluent wire format around its bytes."""

import struct
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import fastavro
from pydantic import BaseModel
from pydantic_avro.to_avro.types import AvroTypeConverter

from schemas.problem import Problem

NAMESPACE = "millrace"
MAGIC = 0
_HEADER = struct.Struct(">bI")
HEADER_BYTES = _HEADER.size

Schema = dict[str, Any]


def avro_schema(model: type[BaseModel]) -> Schema:
    """The Avro record schema of `model`: field docs from descriptions, `datetime` as timestamp-micros.

    Raises `Problem` naming the class where a field's type has no Avro counterpart.
    """
    try:
        described = model.model_json_schema(mode="serialization")
        fields = AvroTypeConverter(described).fields_to_avro_dicts(described)
        schema: Schema = {
            "type": "record",
            "name": model.__name__,
            "namespace": NAMESPACE,
            "doc": (model.__doc__ or "").strip(),
            "fields": fields,
        }
        fastavro.parse_schema(schema)
    except (ValueError, NotImplementedError, RuntimeError, fastavro.schema.SchemaParseException) as error:
        said = str(error).splitlines()[0]
        raise Problem(f"{model.__name__} has no Avro schema ({said}): use plain field types") from error
    return schema


def wire_header(schema_id: int) -> bytes:
    """The five bytes in front of an Avro value: zero, then the schema id, big-endian.

    >>> wire_header(258)
    b'\\x00\\x00\\x00\\x01\\x02'
    """
    return _HEADER.pack(MAGIC, schema_id)


def schema_id_of(value: bytes) -> int:
    """The schema id in the header of `value`, which must be at least `HEADER_BYTES` long."""
    return int(_HEADER.unpack_from(value)[1])


def encoder(schema: Schema, schema_id: int) -> Callable[[Mapping[str, Any]], bytes]:
    """A function from a record's fields to its bytes on the wire."""
    parsed = fastavro.parse_schema(schema)
    header = wire_header(schema_id)
    write = fastavro.schemaless_writer

    def encode(fields: Mapping[str, Any]) -> bytes:
        buffer = BytesIO()
        buffer.write(header)
        write(buffer, parsed, fields)
        return buffer.getvalue()

    return encode
