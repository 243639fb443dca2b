"""Binds a pipeline's stages to their topics: which inputs, in which order, and how their values are read."""

from collections.abc import Callable, Mapping
from typing import Any

from schemas.alert import Alert
from schemas.avro import avro_schema
from schemas.decode import input_decoder, own_decoder
from schemas.encode import own_encoder
from schemas.ledger import Entry
from schemas.message import Message
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.problem import Problem
from schemas.registry import Registry
from schemas.scored import Scored
from schemas.topics import Topics
from streams.monitor.stage import MonitorStage
from streams.monitor.watched import Watched
from streams.pipeline import Pipeline
from streams.runtime.codec import Encoder, Source
from streams.runtime.ledger import LedgerTopic
from streams.runtime.task import Binding
from streams.score import ScoreStage
from streams.stage import Role

STAGES = ("score", "monitor")


def bind(pipeline: Pipeline, stage: str, *, prefix: str, registry: Registry, partitions: int) -> Binding:
    """One stage of `pipeline` on its topics. Registers the schemas that it writes.

    Raises `Problem` where the stage does not exist, or the learning mode does not allow so many partitions.
    """
    if stage not in STAGES:
        raise Problem(f"there is no stage {stage!r}: write one of {', '.join(STAGES)}")
    check_partitions(pipeline, partitions)
    topics = pipeline.topics(prefix)
    scoring = stage == "score"
    ledger = topics.ledger(pipeline.version, stage)
    return Binding(
        stage=ScoreStage(pipeline) if scoring else monitor_stage(pipeline),
        pipeline=f"{prefix}{pipeline.name}",
        version=pipeline.version,
        digest=pipeline.digest,
        parts=pipeline.parts,
        group=topics.group(pipeline.version, stage),
        transactional_id=topics.group(pipeline.version, stage),
        sources=score_sources(pipeline, topics, registry) if scoring else _monitor_sources(topics, registry),
        encoder=_encoder(stage, topics, registry, (Scored, Outcome, Alert) if scoring else (Metric, Alert)),
        ledger=LedgerTopic(ledger, _writes(Entry, ledger, registry), own_decoder(Entry, registry)),
        state_topic=topics.state(pipeline.version, stage),
        partitions=partitions,
        limits=pipeline.limits,
        begin=pipeline.begin if scoring else "earliest",
    )


def check_partitions(pipeline: Pipeline, partitions: int) -> None:
    """Raise `Problem` where the pipeline cannot be folded on so many partitions."""
    if partitions > 1 and pipeline.learning == "inline":
        raise Problem(
            f'{pipeline.name} has {partitions} partitions and learning="inline", which learns in one total order: '
            f'use topics of one partition, or ask for a model per partition with learning="inline_per_partition"'
        )
    if partitions > 1 and len(pipeline.entities) > 1:
        first, second, *_ = pipeline.entities
        raise Problem(
            f"{pipeline.name} has features per {first} and per {second}, and {partitions} partitions, which hold all "
            f"events of a {first} together but not those of a {second}: use topics of one partition, or leave one out"
        )
    if partitions > 1 and pipeline.compiled.over_everything:
        raise Problem(
            f"{pipeline.name} has features of all events, per(), and {partitions} partitions, none of which holds them "
            f"all: use topics of one partition, or leave them out"
        )


def monitor_stage(pipeline: Pipeline) -> MonitorStage:
    """The stage that watches `pipeline`."""
    watched = Watched(
        pipeline=pipeline.name,
        version=pipeline.version,
        task=pipeline.task,
        feature_names=pipeline.feature_names,
        feature_set=pipeline.feature_set,
        horizon_ms=pipeline.labels.horizon_ms if pipeline.labels is not None else 0,
        longest_ms=pipeline.compiled.kept_ms,
    )
    return MonitorStage(watched, pipeline.monitor)


def score_sources(pipeline: Pipeline, topics: Topics, registry: Registry) -> list[Source]:
    events = Source(
        role=Role.EVENTS,
        topic=topics.events,
        decode=input_decoder(pipeline.event, registry),
        key_field=pipeline.key,
    )
    if pipeline.labels is None or pipeline.labels.event is None:
        return [events]
    labels = Source(
        role=Role.LABELS,
        topic=topics.labels,
        decode=input_decoder(pipeline.labels.event, registry),
        key_field=pipeline.key,
    )
    return [labels, events]


def _monitor_sources(topics: Topics, registry: Registry) -> list[Source]:
    return [
        Source(role=Role.SCORED, topic=topics.scored, decode=own_decoder(Scored, registry)),
        Source(role=Role.OUTCOMES, topic=topics.outcomes, decode=own_decoder(Outcome, registry)),
    ]


def _encoder(stage: str, topics: Topics, registry: Registry, messages: tuple[type[Message], ...]) -> Encoder:
    values = {}
    for message in messages:
        topic = topics.named(message.TOPIC)
        values[message.TOPIC] = (topic, _writes(message, topic, registry))
    return Encoder(stage=stage, values=values, rejected=topics.rejected)


def _writes(message: type[Message], topic: str, registry: Registry) -> Callable[[Mapping[str, Any]], bytes]:
    """How values of `topic` are written; its schema is registered."""
    schema = avro_schema(message)
    return own_encoder(schema, registry.register(topic, schema))
