"""What came out of a run, read back from Kafka: how much, whether anything twice, and a digest of all of it."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from infra.bench.stream import Stream
from infra.settings import Settings, librdkafka, schema_registry
from schemas.decode import own_decoder
from schemas.outcome import Outcome
from schemas.registry import Registry
from schemas.scored import Scored
from streams.pipeline import Pipeline
from streams.runtime.kafka import RealKafka


class Outputs(NamedTuple):
    """Of one topic: records, different event ids, and SHA-256 of keys, values and times in order."""

    records: int
    ids: int
    digest: str


Written = Mapping[str, Outputs]
"""By the last part of the topic's name."""


def written(pipeline: Pipeline, settings: Settings) -> Written:
    """All committed scores and outcomes, partition by partition."""
    kafka = RealKafka(librdkafka(settings))
    named = pipeline.topics(settings.topic_prefix)
    with Registry(schema_registry(settings)) as registry:
        found = {}
        for model in (Scored, Outcome):
            decode, topic = own_decoder(model, registry), named.named(model.TOPIC)
            digest, ids, records = hashlib.sha256(), set[str](), 0
            for partition in range(kafka.describe([topic])[topic].partitions):
                for run in kafka.read(topic, partition, kafka.bounds(topic, partition)[0]):
                    for raw in run.records:
                        digest.update(b"%b %d %b " % (raw.key or b"", raw.timestamp, raw.value or b""))
                        ids.add(decode(raw.value)["event_id"])
                        records += 1
            found[model.TOPIC] = Outputs(records, len(ids), digest.hexdigest())
    kafka.close()
    return found


def wrong(what: str, found: Written, stream: Stream, events: int) -> list[str]:
    """Where `found` is not one score for each of the first `events` payments, and one outcome for each label."""
    wanted = {Scored.TOPIC: events, Outcome.TOPIC: stream.labels(events)}
    reasons = []
    for topic, (records, ids, _) in found.items():
        if ids != wanted[topic]:
            reasons.append(f"{what}: {topic} holds {ids:,} of {wanted[topic]:,} events")
        if records != ids:
            reasons.append(f"{what}: {topic} holds {records - ids:,} records too many")
    return reasons


def differing(named: Sequence[tuple[str, Written]]) -> list[str]:
    """Which of these runs have not the outputs of the first, byte for byte and in their order."""
    first_name, first = named[0]
    return [
        f"{name}: {topic} is not that of {first_name}"
        for name, found in named[1:]
        for topic in found
        if found[topic].digest != first[topic].digest
    ]
