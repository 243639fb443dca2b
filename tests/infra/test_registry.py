"""The embedded schema registry: a stock client's round trip, and ids that outlive it."""

from pathlib import Path

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from infra.embedded.ports import free_port
from infra.embedded.registry import start_registry
from tests.servers import Servers

OLD = Schema('{"type":"record","name":"Event","fields":[{"name":"id","type":"string"}]}', "AVRO")
BREAKING = Schema('{"type":"record","name":"Event","fields":[{"name":"amount","type":"double"}]}', "AVRO")


@pytest.mark.servers
def test_a_schema_comes_back_by_its_id(servers: Servers, prefix: str) -> None:
    subject = f"{prefix}events-value"
    with SchemaRegistryClient({"url": servers.registry_url}) as writer:
        id_ = writer.register_schema(subject, OLD)
    with SchemaRegistryClient({"url": servers.registry_url}) as reader:
        schema, subjects = reader.get_schema(id_), reader.get_subjects()

    assert schema.schema_str == OLD.schema_str
    assert subject in subjects


@pytest.mark.servers
def test_a_schema_that_cannot_read_the_old_records_is_refused(servers: Servers, prefix: str) -> None:
    subject = f"{prefix}events-value"
    with SchemaRegistryClient({"url": servers.registry_url}) as client:
        client.set_compatibility(subject, "BACKWARD_TRANSITIVE")
        client.register_schema(subject, OLD)
        with pytest.raises(SchemaRegistryError) as refused:
            client.register_schema(subject, BREAKING)

    assert refused.value.http_status_code == 409


@pytest.mark.servers
def test_ids_survive_a_restart(tmp_path: Path) -> None:
    ids = []
    for schemas in ([BREAKING, OLD], [OLD, BREAKING]):
        registry = start_registry(tmp_path, free_port())
        try:
            with SchemaRegistryClient({"url": registry.url}) as client:
                ids.append([client.register_schema("events-value", schema) for schema in schemas])
        finally:
            registry.stop()

    assert ids[0] == ids[1][::-1]
