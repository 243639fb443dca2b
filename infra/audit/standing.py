"""Where one task stands: its offsets, its ledger, its checkpoint, and whether they agree."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from infra.audit.opened import Opened
from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime import recovery
from streams.runtime.environment import differing, environment
from streams.runtime.ledger import check
from streams.runtime.ports import Mark
from streams.runtime.recovery import Beside

COUNTED = 50_000
"""Offsets from the end of the ledger in which entries are counted; two for each entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far an input is committed, None where it is not, and where it ends now."""

    topic: str
    offset: int | None
    end: int

    @property
    def lag(self) -> int | None:
        return None if self.offset is None else max(0, self.end - self.offset)


@dataclass(slots=True, kw_only=True)
class Standing:
    """One task. Ages are in seconds; `counts` are those of the entries from number `counted_from` on."""

    stage: str
    partition: int
    told: Beside | None = None
    entry: Entry | None = None
    entry_age_s: float | None = None
    checkpoint_age_s: float | None = None
    positions: list[Position] = field(default_factory=list)
    records: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    counted_from: int = 0
    environment_differs: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a ledger: entries in order, with the Kafka time of each (ms); why reading stopped, if it did."""

    entries: Sequence[Entry]
    times_ms: Sequence[int]
    problem: str | None


def standing(stage: Opened, partition: int, clock: Callable[[], float]) -> Standing:
    """Look at one task; `clock` gives seconds since 1970. What disagrees is named in the result."""
    kafka, binding, found = stage.kafka, stage.binding, Standing(stage=stage.stage, partition=partition)
    before = kafka.committed(binding.group, binding.topics, partition)
    tail = _tail(stage, partition)
    after = kafka.committed(binding.group, binding.topics, partition)
    for topic, mark in before.items():
        offset = mark.offset if mark is not None else None
        found.positions.append(Position(topic=topic, offset=offset, end=kafka.bounds(topic, partition)[1]))
    if tail.entries:
        found.entry, now_ms = tail.entries[-1], clock() * 1000
        found.entry_age_s = max(0.0, (now_ms - tail.times_ms[-1]) / 1000)
        found.counted_from = tail.entries[0].seq
        found.records = sum(entry.records for entry in tail.entries)
        for entry in tail.entries:
            found.counts.update(entry.counts)
        saved = [at for entry, at in zip(tail.entries, tail.times_ms, strict=True) if entry.checkpoint]
        found.checkpoint_age_s = max(0.0, (now_ms - saved[-1]) / 1000) if saved else None
        found.environment_differs = differing(found.entry.environment, environment())
    found.disagreements += [tail.problem] if tail.problem is not None else []
    found.told = _agreement(stage, found, before, after, tail)
    return found


def _tail(stage: Opened, partition: int) -> Tail:
    ledger, kafka = stage.binding.ledger, stage.kafka
    low, high = kafka.bounds(ledger.topic, partition)
    entries: list[Entry] = []
    times_ms: list[int] = []
    try:
        for run in kafka.read(ledger.topic, partition, max(low, high - COUNTED)):
            for record in run.records:
                entry = ledger.entry(record.value)
                check(entry, entries[-1] if entries else None, stage.signer)
                entries.append(entry)
                times_ms.append(record.timestamp)
    except Problem as problem:
        return Tail(entries, times_ms, str(problem))
    return Tail(entries, times_ms, None)


def _agreement(
    stage: Opened,
    found: Standing,
    before: Mapping[str, Mark | None],
    after: Mapping[str, Mark | None],
    tail: Tail,
) -> Beside | None:
    """What stands beside the offsets; what does not agree with it is named in `found`.

    The ledger was read between the two looks at the offsets: a running task may commit meanwhile. One that could not be
    read to its end is compared with nothing.
    """
    entries = tail.entries
    what = f"{stage.binding.group}, partition {found.partition}"
    told = None
    try:
        told, now = recovery.beside(before, what), recovery.beside(after, what)
        if entries and entries[0].seq == 0:
            facts = stage.kafka.describe(stage.binding.topics)
            recovery.require_genesis(entries[0].note or "{}", facts, stage.binding, what)
        if now is None and entries:
            raise Problem(f"{what} has a ledger but no committed offsets, as when a group expires: {recovery.REPAIR}")
        if told is not None and now is not None and tail.problem is None:
            committed = entries and now.seq >= entries[-1].seq
            recovery.agree(told, before, [e for e in entries if e.seq <= told.seq] if committed else entries, what)
        recovery.require_there(stage.kafka, before, found.partition, what)
    except Problem as problem:
        found.disagreements.append(str(problem))
    return told
