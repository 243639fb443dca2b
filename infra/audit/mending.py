"""What rewriting a task's offsets from its ledger would change, and doing it."""

from collections.abc import Mapping
from dataclasses import dataclass

from infra import topics
from infra.audit.group import group_of
from infra.audit.opened import Opened
from infra.feed import KAFKA_WITHIN_S
from infra.pipeline_topics import state_topic
from infra.settings import Settings
from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime import recovery
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.owner import Owner
from streams.runtime.ports import Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Mending:
    """One task whose offsets are not those of its ledger: why, what is committed now, and the entry that counts."""

    stage: Opened
    partition: int
    why: str
    now: dict[str, Mark | None]
    entry: Entry


def require_stopped(stage: Opened) -> None:
    """Raise `Problem` where the stage's group has live members."""
    group = group_of(stage.admin, stage.binding.group)
    if group.members:
        names = ", ".join(str(member) for member in group.members)
        raise Problem(
            f"group {group.id} is in use by {names}: stop the workers first; one that was killed is forgotten when its "
            f"session has timed out"
        )


def with_state_topic(stage: Opened, settings: Settings) -> bool:
    """Create the topic of the saved state where somebody has deleted it, and say whether that was so."""
    spec = state_topic(stage.binding.state_topic, partitions=stage.binding.partitions)
    factor = settings.kafka_replication_factor
    return bool(topics.ensure(stage.admin, [spec], replication_factor=factor, within_s=KAFKA_WITHIN_S))


def mending(stage: Opened, partition: int) -> Mending | None:
    """What is to be mended of one task; None where offsets and ledger agree, or nothing has begun.

    Raises `Problem` where the ledger itself does not hold.
    """
    binding = stage.binding
    what = f"{binding.group}, partition {partition}"
    now = stage.kafka.committed(binding.group, binding.topics, partition)
    span = stage.auditor.span(partition)
    if span is None:
        if any(now.values()):
            raise Problem(f"the ledger of {what} is empty, though offsets are committed: it was cut off")
        return None
    why = _disagreement(stage, partition, now, span.last)
    return None if why is None else Mending(stage=stage, partition=partition, why=why, now=now, entry=span.last)


def _disagreement(stage: Opened, partition: int, now: Mapping[str, Mark | None], last: Entry) -> str | None:
    """How the offsets differ from ledger and saved state; None where they do not."""
    what = f"{stage.binding.group}, partition {partition}"
    try:
        told = recovery.beside(now, what)
        if told is None:
            return f"{what} has no committed offsets"
        recovery.agree(told, now, [last], what)
    except Problem as problem:
        return str(problem)
    saved = Checkpoint(stage.binding.state_topic).restore(
        recovery.records(stage.kafka, stage.binding.state_topic, partition)
    )
    seq = saved.manifest.seq if saved is not None else -1
    if seq == told.checkpoint:
        return None
    has = f"that of entry {seq}" if saved is not None else "gone"
    return f"the saved state of {what} is {has}, its offsets know of that of entry {told.checkpoint}"


def mend(mending: Mending) -> Entry:
    """Rewrite the offsets; the entry that they are of now. Raises `Problem` where the chain does not hold."""
    stage = mending.stage
    return Owner(binding=stage.binding, kafka=stage.kafka, signer=stage.signer).repair(mending.partition)
