"""Binds a pipeline's stages to their topics: which inputs, in which order, and how their values are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from schemas.alert import Alert
from schemas.avro import avro_schema
from schemas.decode import input_decoder, own_decoder
from schemas.encode import own_encoder
from schemas.ledger import Entry
from schemas.message import Message
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.passed import Passed
from schemas.problem import Problem
from schemas.registry import Registry
from schemas.reply import Reply
from schemas.scored import Scored
from schemas.topics import Topics
from streams.answer import Answers
from streams.digest import digest
from streams.entity import EntityStage
from streams.monitor.definition import Monitor
from streams.monitor.stage import MonitorStage
from streams.monitor.watched import Watched
from streams.parts import Parts, digest_of
from streams.passing import Passing
from streams.pipeline import Pipeline
from streams.plan import SCORE, Rekey, Step, key_of, rekey_of, stages, step_of, steps
from streams.rekey import RekeyStage
from streams.runtime.asked import Asked, Door, Following
from streams.runtime.codec import Anew, Encoder, Source
from streams.runtime.ledger import LedgerTopic
from streams.runtime.task import Binding
from streams.score import ScoreStage
from streams.stage import Role


def bind(
    pipeline: Pipeline, stage: str, *, prefix: str, registry: Registry, partitions: int, reads: int | None = None
) -> Binding:
    """One stage of `pipeline` on its topics. Registers the schemas that it writes.

    An input that the stage keys anew has `reads` partitions; all other topics have `partitions`.
    Raises `Problem` where the stage does not exist, or the definition does not allow so many partitions.
    """
    check_partitions(pipeline, partitions)
    check_stage(pipeline, partitions, stage)
    topics, way = pipeline.topics(prefix), steps(pipeline, partitions)
    rekey, step = rekey_of(pipeline, stage), step_of(pipeline, partitions, stage)
    ledger = topics.ledger(pipeline.version, stage)
    fold = RekeyStage(rekey) if rekey is not None else _stage(pipeline, way, step)
    parts = _monitored(pipeline) if rekey is None and step is None else pipeline.parts
    answers = fold.answers if pipeline.requests and isinstance(fold, ScoreStage | EntityStage) else None
    return Binding(
        stage=fold,
        pipeline=f"{prefix}{pipeline.name}",
        version=pipeline.version,
        digest=digest_of(parts),
        parts=parts,
        group=topics.group(pipeline.version, stage),
        transactional_id=topics.group(pipeline.version, stage),
        sources=_sources(pipeline, rekey or step, topics, registry),
        encoder=_encoder(pipeline, stage, topics, registry, partitions),
        ledger=LedgerTopic(ledger, _writes(Entry, ledger, registry), own_decoder(Entry, registry)),
        state_topic=topics.state(pipeline.version, stage),
        partitions=reads if rekey is not None and reads is not None else partitions,
        limits=pipeline.limits,
        asked=None if step is None or answers is None else _asked(pipeline, way, step, answers, topics, registry),
    )


def _monitored(pipeline: Pipeline) -> Parts:
    """The parts of a definition, and where it is not the usual one, what the state of its monitor is counted in."""
    units = pipeline.monitor.units
    return pipeline.parts if units == Monitor().units else {**pipeline.parts, "monitor": digest(units)}


def check_partitions(pipeline: Pipeline, partitions: int) -> None:
    """Raise `Problem` where the pipeline cannot be folded on so many partitions."""
    if partitions > 1 and pipeline.learning == "inline":
        raise Problem(
            f'{pipeline.name} has {partitions} partitions and learning="inline", which learns in one total order: '
            f'use topics of one partition, or ask for a model per partition with learning="inline_per_partition"'
        )


def check_stage(pipeline: Pipeline, partitions: int, stage: str) -> None:
    """Raise `Problem` where the pipeline has no such stage on so many partitions."""
    names = stages(pipeline, partitions)
    if stage not in names:
        raise Problem(f"there is no stage {stage!r}: write one of {', '.join(names)}")


def _stage(pipeline: Pipeline, way: Sequence[Step], step: Step | None) -> ScoreStage | EntityStage | MonitorStage:
    return monitor_stage(pipeline) if step is None else stage_of(pipeline, way, step)


def stage_of(pipeline: Pipeline, way: Sequence[Step], step: Step) -> ScoreStage | EntityStage:
    """The fold of one step of the `way` of an event."""
    return ScoreStage(pipeline, way) if step.following is None else EntityStage(pipeline, step)


def _sources(pipeline: Pipeline, step: Step | Rekey | None, topics: Topics, registry: Registry) -> list[Source]:
    if step is None:
        return _monitor_sources(topics, registry)
    if isinstance(step, Rekey):
        return [replace(_input(pipeline, step.role, topics, registry), key_field=None)]
    if step.first:
        return score_sources(pipeline, topics, registry)
    decode, read = own_decoder(Passed, registry), Passing(pipeline.compiled).read
    passed = topics.passed(pipeline.version, step.stage)
    return [Source(role=Role.PASSED, topic=passed, decode=lambda value: read(decode(value)))]


def monitor_stage(pipeline: Pipeline) -> MonitorStage:
    """The stage that watches `pipeline`."""
    watched = Watched(
        pipeline=pipeline.name,
        version=pipeline.version,
        task=pipeline.task,
        feature_names=pipeline.feature_names,
        digest=pipeline.digest,
        horizon_ms=pipeline.labels.horizon_ms if pipeline.labels is not None else 0,
        longest_ms=pipeline.compiled.settles_ms,
    )
    return MonitorStage(watched, pipeline.monitor)


def score_sources(pipeline: Pipeline, topics: Topics, registry: Registry) -> list[Source]:
    """What the first step reads: the inputs, or what a stage has made of one that it keys anew."""
    roles = [role for role in (Role.LABELS, Role.EVENTS) if role in pipeline.inputs]
    sources = [_input(pipeline, role, topics, registry) for role in roles]
    return [
        replace(source, topic=topics.rekeyed(pipeline.version, source.role), begin="earliest", cure=None)
        if source.role in pipeline.rekey
        else source
        for source in sources
    ]


def _input(pipeline: Pipeline, role: Role, topics: Topics, registry: Registry) -> Source:
    """An input as it comes."""
    model, key = pipeline.inputs[role]
    return Source(
        role=role,
        topic=topics.input(role),
        decode=input_decoder(model, registry),
        key_field=key,
        begin=pipeline.begin,
        cure=f'rekey=("{role}",)',
    )


def _asked(
    pipeline: Pipeline, way: Sequence[Step], step: Step, answers: Answers, topics: Topics, registry: Registry
) -> Asked:
    following = None
    if step.following is not None:
        behind = way[way.index(step) + 1].stage
        following = Following(topics.group(pipeline.version, behind), key_of(pipeline, step.following))
    return Asked(
        pipeline=pipeline,
        stage=step.stage,
        answers=answers,
        door=_door(pipeline, topics, registry) if step.first else None,
        following=following,
    )


def _door(pipeline: Pipeline, topics: Topics, registry: Registry) -> Door:
    registry.register(topics.requests, avro_schema(pipeline.event))
    requests = Source(
        role=Role.EVENTS,
        topic=topics.requests,
        decode=input_decoder(pipeline.event, registry),
        key_field=pipeline.key,
    )
    return Door(requests, topics.replies, _writes(Reply, topics.replies, registry))


def _monitor_sources(topics: Topics, registry: Registry) -> list[Source]:
    return [
        Source(role=Role.SCORED, topic=topics.scored, decode=own_decoder(Scored, registry)),
        Source(role=Role.OUTCOMES, topic=topics.outcomes, decode=own_decoder(Outcome, registry)),
    ]


def _encoder(pipeline: Pipeline, stage: str, topics: Topics, registry: Registry, partitions: int) -> Encoder:
    names = [step.stage for step in steps(pipeline, partitions)]
    rekey = rekey_of(pipeline, stage)
    if rekey is not None:
        anew = Anew(topics.rekeyed(pipeline.version, rekey.role), partitions)
        return Encoder(stage=stage, values={}, rejected=topics.rejected, anew=anew)
    if stage in names[:-1]:
        following = topics.passed(pipeline.version, names[names.index(stage) + 1])
        values = {Passed.TOPIC: (following, _writes(Passed, following, registry))}
        rekeyed = {Passed.TOPIC: partitions}
    else:
        rekeyed = {}
        written: tuple[type[Message], ...] = (Scored, Outcome, Alert) if stage == SCORE else (Metric, Alert)
        named = {message: topics.named(message.TOPIC) for message in written}
        values = {message.TOPIC: (topic, _writes(message, topic, registry)) for message, topic in named.items()}
    return Encoder(stage=stage, values=values, rejected=topics.rejected, rekeyed=rekeyed)


def _writes(message: type[Message], topic: str, registry: Registry) -> Callable[[Mapping[str, Any]], bytes]:
    """How values of `topic` are written; its schema is registered."""
    schema = avro_schema(message)
    return own_encoder(schema, registry.register(topic, schema))
