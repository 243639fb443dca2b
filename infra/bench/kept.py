"""Topics of a long run keep little: a soak must not fill the disk with what nobody will read."""

from confluent_kafka.admin import (  # type: ignore[attr-defined] # public names, re-exported without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
)

from infra.settings import Settings, librdkafka
from streams.pipeline import Pipeline

WITHIN_S = 30.0
BYTES = {"retention.bytes": 256_000_000, "segment.bytes": 64_000_000}


def keep_little(pipeline: Pipeline, settings: Settings) -> None:
    """Inputs and outputs are cut behind the last 256 MB; ledger and state stay whole."""
    named = pipeline.topics(settings.topic_prefix)
    entries = [
        ConfigEntry(name, str(value), incremental_operation=AlterConfigOpType.SET) for name, value in BYTES.items()
    ]
    resources = [
        ConfigResource(ConfigResource.Type.TOPIC, topic, incremental_configs=entries)
        for topic in (named.events, named.labels, *named.outputs)
    ]
    admin = AdminClient({**librdkafka(settings), "log_level": 0})
    for answer in admin.incremental_alter_configs(resources, request_timeout=WITHIN_S).values():
        answer.result()
