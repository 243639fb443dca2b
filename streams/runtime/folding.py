"""A task that folds again what a ledger lists, from its first entry or from the state that was saved last."""

from dataclasses import dataclass
from typing import NamedTuple

from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime import recovery
from streams.runtime.checkpoint import Restored
from streams.runtime.environment import differing, environment
from streams.runtime.findings import Audit
from streams.runtime.ports import Kafka
from streams.runtime.resumed import resume
from streams.runtime.task import Binding, Group, Task

LESSER = ("python", "code")
"""What does not decide whether a saved state can be gone on with; whether it gives the same shows when it does."""


class Span(NamedTuple):
    """The first and the last entry that a ledger has."""

    first: Entry
    last: Entry


@dataclass(slots=True)
class Folding:
    """Folds what stands in entries behind number `after`."""

    task: Task
    inputs: dict[str, recovery.Source]
    after: int
    stopped: bool = False

    def fold(self, entry: Entry, audit: Audit) -> Group | None:
        """What `entry` gives; how that differs from what it says goes to `audit`."""
        if entry.seq <= self.after or self.stopped:
            return None
        try:
            group, differs = recovery.fold_again(self.task, entry, self.inputs)
        except Problem as problem:
            audit.chain_only, self.stopped = str(problem), True
            audit.differs(f"entry {entry.seq} cannot be folded again: {problem}", entry.seq)
            return None
        audit.refolded += 1
        told = differs or (_unlike(entry, group) if group is not None else None)
        if told is not None:
            here = "" if entry.environment == environment() else f" here ({environment()})"
            audit.differs(f"entry {entry.seq} ({entry.environment}) folded again{here} gives {told}", entry.seq)
        return group


def begin(kafka: Kafka, binding: Binding, span: Span, saved: Restored | None, audit: Audit) -> Folding | None:
    """What folds again; None, with the reason in `audit`, where that is not possible any more.

    It begins as the task did or, where ledger or inputs no longer reach back so far, with the saved state.
    """
    first = span.first
    genesis = first.note if first.seq == 0 else saved and saved.manifest.genesis
    if genesis is None:
        audit.chain_only = "no entry and no saved state says what the ledger began with"
        return None
    try:
        what = f"{binding.group}, partition {first.partition},"
        recovery.require_genesis(genesis, kafka.describe(binding.topics), binding.digest, what)
    except Problem as problem:
        audit.chain_only = str(problem)
        audit.differs(str(problem))
        return None
    try:
        return _from_genesis(kafka, binding, span)
    except Problem as problem:
        audit.chain_only = str(problem)
    try:
        return _from_saved(kafka, binding, saved, span.last) if saved is not None else None
    except Problem as problem:
        audit.chain_only = str(problem)
        return None


def _from_genesis(kafka: Kafka, binding: Binding, span: Span) -> Folding:
    """Folding begins as the task did. Raises `Problem` where ledger or inputs no longer reach back so far."""
    first, last = span
    if first.seq != 0:
        raise Problem(f"the ledger begins with entry {first.seq}")
    inputs = recovery.sources(kafka, first.partition, first.ends, last.ends)
    return Folding(Task(binding, first.partition, first.ends), inputs, after=0)


def _from_saved(kafka: Kafka, binding: Binding, saved: Restored, last: Entry) -> Folding:
    """Folding begins with the saved state. Raises `Problem` where inputs do not reach back to it, or it is not ours."""
    manifest = saved.manifest
    unlike = [each for each in differing(manifest.environment, environment()) if not each.startswith(LESSER)]
    if unlike:
        raise Problem(f"the saved state was computed by {', '.join(unlike)}")
    inputs = recovery.sources(kafka, last.partition, manifest.positions, last.ends)
    task = Task(binding, last.partition, manifest.positions)
    resume(task, saved)
    return Folding(task, inputs, after=manifest.seq)


def _unlike(entry: Entry, group: Group) -> str | None:
    """What the hash of the outputs does not say."""
    work = group.work
    pairs = {
        "model": (work.model_id, entry.model_id),
        "watermark": (work.event_time_ms, entry.event_time_ms),
        "disordered": (work.disordered, entry.disordered),
        "outputs": (work.outputs, entry.outputs),
    }
    return next((f"{name} {now} instead of {then}" for name, (now, then) in pairs.items() if now != then), None)
