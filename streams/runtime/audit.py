"""Folding a whole ledger again, from its first entry or an archive, and comparing it with what was committed."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime import recovery
from streams.runtime.archive import Archive, require_begun, require_of
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.findings import Audit, Broken
from streams.runtime.folding import Saved, Span, begin
from streams.runtime.ledger import START, Signer, check
from streams.runtime.manifest import Restored
from streams.runtime.ports import Kafka
from streams.runtime.stored import Stored, stored
from streams.runtime.task import Binding, Group

NEAR_END = 50
"""Offsets from the end of a ledger in which its last entry is looked for first."""

Watch = Callable[[Entry, Group | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditor:
    """Reads the ledger of one stage, and folds it again. It writes nothing and joins nothing.

    `alone`: no other version of the pipeline has written to its output topics.
    """

    binding: Binding
    kafka: Kafka
    signer: Signer | None = None
    alone: bool = True

    def entries(self, partition: int, start: int = 0) -> Iterator[Entry]:
        """The entries that the log still has, from its offset `start` on, their chain checked.

        Raises `Broken` at the first that does not hold.
        """
        topic = self.binding.ledger.topic
        low, _ = self.kafka.bounds(topic, partition)
        before = None
        for run in self.kafka.read(topic, partition, max(low, start)):
            for record in run.records:
                entry = self._checked(record.value, partition, before)
                yield entry
                before = entry

    def span(self, partition: int) -> Span | None:
        """Where the ledger begins and ends now; None where it is empty."""
        first = next(self.entries(partition), None)
        if first is None:
            return None
        _, high = self.kafka.bounds(self.binding.ledger.topic, partition)
        near = deque(self.entries(partition, high - NEAR_END), maxlen=1)
        return Span(first, (near or deque(self.entries(partition), maxlen=1))[0])

    def audit(self, partition: int, watch: Watch = lambda *_: None, archive: Archive | None = None) -> Audit:
        """Check the chain, fold every batch again, and compare outputs with the ledger and with what the topics hold.

        `watch` is told of every entry, with what folding it again gave. Folding begins with the `archive`, or with the
        first entry. Where the inputs no longer reach back to that, it begins with the saved state; where they do not
        reach back to that either, the chain alone is checked, as far as it holds.
        Raises `Problem` where the archive is not of this ledger, or cannot be read.
        """
        audit = Audit(partition=partition)
        try:
            self._audit(partition, audit, watch, archive)
        except Broken as broken:
            audit.broken = str(broken)
            audit.differs(audit.broken)
        return audit

    def _audit(self, partition: int, audit: Audit, watch: Watch, archive: Archive | None) -> None:
        whole = archive is None  # else outputs stand there that nobody has folded again
        topics = stored(self.kafka, self.binding, partition, alone=self.alone and whole)
        for entry, group in self.walk(partition, audit, archive):
            if group is not None and audit.chain_only is None:
                _compare(entry, group, topics, audit)
            watch(entry, group)
        beside = self._beside(partition)
        if beside is not None and beside.seq < audit.last:
            audit.differs(f"{self._name(partition)} goes on to entry {audit.last}, offsets stand at entry {beside.seq}")
        rest = [told for topic in topics.values() if (told := topic.rest()) is not None]
        if audit.chain_only is None and rest and self._ends_with(partition, audit.head):
            for told in rest:
                audit.differs(told)
        audit.gone = sum(topic.gone for topic in topics.values())

    def walk(
        self, partition: int, audit: Audit, archive: Archive | None = None
    ) -> Iterator[tuple[Entry, Group | None]]:
        """Every entry up to the one that is the last now, with what folding it again gives.

        What is found goes to `audit`. Raises `Broken` where the chain does not hold, `Problem` as `audit` does.
        """
        told = self._beside(partition)
        saved = self._saved(partition, told, audit)
        span, name = self.span(partition), self._name(partition)
        heads = {each.seq: each.head for each in (told, saved and saved.manifest) if each is not None}
        if max(heads, default=-1) > (span.last.seq if span is not None else -1):
            ends = f"ends with entry {span.last.seq}" if span is not None else "is empty"
            raise Broken(f"{name} {ends}, but offsets or state are of entry {max(heads)}: it was cut off")
        if archive is not None:
            self.require(partition, archive)
        if span is None:
            return
        if span.first.seq != 0:
            audit.differs(f"{name} begins with entry {span.first.seq}: what came before was cut off")
        folding = begin(self.kafka, self.binding, span, Saved(saved, archive and archive.saved), audit)
        for entry in self.entries(partition):
            audit.met(entry)
            if heads.get(entry.seq, entry.head) != entry.head:
                raise Broken(f"entry {entry.seq} of {name} is not the one that offsets or state are of")
            yield entry, folding.fold(entry, audit) if folding is not None else None
            if entry.seq == span.last.seq:
                return

    def require(self, partition: int, archive: Archive) -> None:
        """Raise `Problem` unless `archive` is of an entry of this ledger, and `Broken` where that was cut off."""
        span, name = self.span(partition), self._name(partition)
        if span is not None:
            require_begun(archive, span.first)
        if span is None or span.last.seq < archive.seq:
            ends = f"ends with entry {span.last.seq}" if span is not None else "is empty"
            raise Broken(f"{name} {ends}, but the archive {archive.name} is of entry {archive.seq}: it was cut off")
        require_of(archive, next((entry for entry in self.entries(partition) if entry.seq == archive.seq), None))

    def _checked(self, value: bytes | None, partition: int, before: Entry | None) -> Entry:
        binding, name = self.binding, self._name(partition)
        try:
            entry = binding.ledger.entry(value)
            check(entry, before, self.signer)
        except Problem as problem:
            raise Broken(str(problem)) from problem
        place = (entry.pipeline, entry.version, entry.stage, entry.partition)
        if place != (binding.pipeline, binding.version, binding.stage.name, partition):
            raise Broken(f"{name} holds entry {entry.seq} of {'/'.join(map(str, place))}")
        if entry.seq == 0 and (entry.previous, entry.kind) != (START, "genesis"):
            raise Broken(f"{name} begins with an entry that is no beginning")
        return entry

    def _name(self, partition: int) -> str:
        return f"the ledger {self.binding.ledger.topic}/{partition}"

    def _ends_with(self, partition: int, head: str) -> bool:
        span = self.span(partition)
        return head == (START if span is None else span.last.head)

    def _beside(self, partition: int) -> recovery.Beside | None:
        """What stands beside the offsets, where it is legible: else it is not the ledger's fault."""
        marks = self.kafka.committed(self.binding.group, self.binding.topics, partition)
        try:
            return recovery.beside(marks, self._name(partition))
        except Problem:
            return None

    def _saved(self, partition: int, told: recovery.Beside | None, audit: Audit) -> Restored | None:
        """The saved state, which must be at least that of the entry that offsets know of."""
        topic = self.binding.state_topic
        low, _ = self.kafka.bounds(topic, partition)
        records = (record for run in self.kafka.read(topic, partition, low) for record in run.records)
        try:
            saved = Checkpoint(topic).restore((record.key or b"", record.value) for record in records)
        except Problem as problem:
            audit.differs(str(problem))
            return None
        seq = saved.manifest.seq if saved is not None else -1
        if told is not None and seq < told.checkpoint:
            has = f"is that of entry {seq}" if saved is not None else "is gone"
            audit.differs(
                f"the saved state in {topic}/{partition} {has}, offsets know of that of entry {told.checkpoint}"
            )
        return saved


def _compare(entry: Entry, group: Group, topics: Mapping[str, Stored], audit: Audit) -> None:
    """The outputs that folding gives with those that are stored, unless it is known already that they differ."""
    if audit.has(entry.seq):
        for topic, many in Counter(message.topic for message in group.messages).items():
            topics[topic].skip(many)
        return
    for message in group.messages:
        differs = topics[message.topic].compare(message)
        if differs is not None:
            audit.differs(f"entry {entry.seq} ({entry.environment}): {differs}", entry.seq)
