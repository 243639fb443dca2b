"""What the ledger of a score stage adds up to."""

from collections import Counter

from infra.settings import Settings, librdkafka, schema_registry
from schemas.registry import Registry
from streams.pipeline import Pipeline
from streams.runtime.bind import bind
from streams.runtime.kafka import RealKafka


def totals(pipeline: Pipeline, settings: Settings) -> Counter[str]:
    """Records, and what became of them, over all entries of partition 0."""
    counted = Counter[str]()
    kafka = RealKafka(librdkafka(settings))
    with Registry(schema_registry(settings)) as registry:
        ledger = bind(pipeline, "score", prefix=settings.topic_prefix, registry=registry, partitions=1).ledger
        for run in kafka.read(ledger.topic, 0, kafka.bounds(ledger.topic, 0)[0]):
            for raw in run.records:
                entry = ledger.entry(raw.value)
                counted.update(entry.counts)
                counted["records"] += entry.records
    kafka.close()
    return counted
