"""A task that folds again what a ledger lists: from its first entry, an archive or the state that was saved last."""

from dataclasses import dataclass
from typing import NamedTuple

from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime import recovery
from streams.runtime.environment import differing, environment
from streams.runtime.findings import Audit
from streams.runtime.manifest import Restored
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


class Saved(NamedTuple):
    """The states that are there to begin with: the one on its topic, and one from an archive."""

    last: Restored | None
    archived: Restored | None = None


def begin(kafka: Kafka, binding: Binding, span: Span, saved: Saved, audit: Audit) -> Folding | None:
    """What folds again; None, with the reason in `audit`, where that is not possible any more.

    It begins with the archive or, where none is given, as the task did. Where ledger or inputs no longer reach back so
    far, it begins with the state that was saved last. Raises `Problem` where an archived state cannot be gone on with.
    """
    first, any_state = span.first, saved.archived or saved.last
    genesis = first.note if first.seq == 0 else any_state and any_state.manifest.genesis
    if genesis is None:
        audit.chain_only = "no entry and no saved state says what the ledger began with"
        return None
    try:
        what = f"{binding.group}, partition {first.partition},"
        recovery.require_genesis(genesis, kafka.describe(binding.topics), binding, what)
    except Problem as problem:
        audit.chain_only = str(problem)
        audit.differs(str(problem))
        return None
    try:
        inputs = _inputs(kafka, span, saved.archived)
    except Problem as problem:
        audit.chain_only = str(problem)
        return _from_last(kafka, binding, span, saved.last, audit)
    if saved.archived is None:
        return Folding(Task(binding, first.partition, first.ends), inputs, after=0)
    audit.archived = saved.archived.manifest.seq
    return Folding(_task(binding, first.partition, saved.archived), inputs, after=audit.archived)


def _inputs(kafka: Kafka, span: Span, start: Restored | None) -> dict[str, recovery.Source]:
    """All that was folded behind `start`, or ever. Raises `Problem` where ledger or inputs do not reach back so far."""
    first, last = span
    if start is None and first.seq != 0:
        raise Problem(f"the ledger begins with entry {first.seq}")
    return recovery.sources(kafka, first.partition, start.manifest.positions if start else first.ends, last.ends)


def _from_last(kafka: Kafka, binding: Binding, span: Span, saved: Restored | None, audit: Audit) -> Folding | None:
    """Folding begins with the state that was saved last, where inputs reach back to it and it is ours."""
    if saved is None:
        return None
    try:
        task = _task(binding, span.first.partition, saved)
        return Folding(task, _inputs(kafka, span, saved), after=saved.manifest.seq)
    except Problem as problem:
        audit.chain_only = str(problem)
        return None


def _task(binding: Binding, partition: int, saved: Restored) -> Task:
    """The task as it was saved. Raises `Problem` where it cannot be gone on with here."""
    manifest = saved.manifest
    unlike = [each for each in differing(manifest.environment, environment()) if not each.startswith(LESSER)]
    if unlike:
        raise Problem(f"the saved state in {saved.topic} was computed by {', '.join(unlike)}")
    task = Task(binding, partition, manifest.positions)
    resume(task, saved)
    return task


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
