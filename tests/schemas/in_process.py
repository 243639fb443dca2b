"""A schema registry inside the test's own process, behind our own class."""

from typing import Any

from confluent_kafka.schema_registry import SchemaRegistryClient

from schemas.registry import Registry


class InProcess(Registry):
    """Confluent's `mock://` registry, which takes every schema: it knows no compatibility."""

    def __init__(self) -> None:
        client: Any = SchemaRegistryClient.new_client({"url": "mock://"})
        client.set_compatibility = lambda **_: None
        self._client = client
        self._parsed = {}
