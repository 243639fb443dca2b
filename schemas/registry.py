"""Schemas by id and by subject, through Confluent's registry client."""

import json
from typing import Any, Self

import fastavro
from confluent_kafka.schema_registry import Schema as RegisteredSchema
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.common._httpx_compat import httpx  # the one that the client raises from
from confluent_kafka.schema_registry.error import SchemaRegistryError

from schemas.avro import Schema
from schemas.problem import Outage, Problem
from schemas.reject import Reason, Reject

COMPATIBILITY = "BACKWARD_TRANSITIVE"
NOT_FOUND = 404
CONFLICT = 409


class Registry:
    """Registers and fetches schemas; each id is asked for once.

    The registry being down is a `Problem` (try again later); a schema id that it does not know is a `Reject`.
    """

    def __init__(self, configuration: dict[str, Any]) -> None:
        self._client = SchemaRegistryClient(configuration)
        self._parsed: dict[int, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connection."""
        self._client.close()

    def register(self, topic: str, schema: Schema) -> int:
        """The id of `schema` under the subject `{topic}-value`; registers it where it is new.

        Raises `Problem` where the registry refuses it as incompatible or cannot be reached.
        """
        subject = f"{topic}-value"
        try:
            self._require_compatibility(subject)
            return self._client.register_schema(subject, RegisteredSchema(json.dumps(schema), "AVRO"))
        except SchemaRegistryError as error:
            raise Problem(
                f"the schema registry refuses {schema['name']} for {subject} ({error.error_message}): "
                f"give new fields a default, or use a new topic"
            ) from error
        except httpx.TransportError as error:
            raise _unreachable(error) from error

    def _require_compatibility(self, subject: str) -> None:
        """Workers that start together set it at the same moment: who comes second is refused, and sets it again."""
        try:
            self._client.set_compatibility(subject_name=subject, level=COMPATIBILITY)
        except SchemaRegistryError as error:
            if error.http_status_code != CONFLICT:
                raise
            self._client.set_compatibility(subject_name=subject, level=COMPATIBILITY)

    def writer(self, schema_id: int) -> Any:
        """The parsed schema with this id, as the writer registered it.

        Raises `Reject` where the registry does not know the id, `Problem` where it cannot be reached.
        """
        found = self._parsed.get(schema_id)
        if found is None:
            found = self._parsed[schema_id] = self._fetch(schema_id)
        return found

    def _fetch(self, schema_id: int) -> Any:
        try:
            schema = self._client.get_schema(schema_id)
        except SchemaRegistryError as error:
            if error.http_status_code == NOT_FOUND:
                raise Reject(Reason.UNKNOWN_SCHEMA, f"the registry has no schema {schema_id}") from error
            raise _unreachable(error) from error
        except httpx.TransportError as error:
            raise _unreachable(error) from error
        if schema.schema_type != "AVRO" or schema.schema_str is None:
            raise Reject(Reason.NOT_AVRO, f"schema {schema_id} is {schema.schema_type}, not Avro")
        try:
            return fastavro.parse_schema(json.loads(schema.schema_str))
        except (fastavro.schema.SchemaParseException, fastavro.schema.UnknownType) as error:
            message = f"schema {schema_id} cannot be read by itself ({type(error).__name__}: {error})"
            raise Reject(Reason.NOT_AVRO, message) from error


def _unreachable(error: Exception) -> Problem:
    return Outage(f"the schema registry does not answer ({error}): check MILLRACE_SCHEMA_REGISTRY_URL")
