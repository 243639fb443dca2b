"""What Millrace is told about the servers it talks to, and how each client library wants to hear it."""

from infra.settings.clients import aiokafka, clickhouse, librdkafka, schema_registry
from infra.settings.model import Settings
from infra.settings.reach import reach

__all__ = ["Settings", "aiokafka", "clickhouse", "librdkafka", "reach", "schema_registry"]
