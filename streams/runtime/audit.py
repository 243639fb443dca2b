"""Folding a whole ledger again, from its first entry, and comparing it with what was committed."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from schemas.alert import Alert
from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime import recovery
from streams.runtime.codec import Message
from streams.runtime.ledger import START, Signer, check
from streams.runtime.ports import Kafka
from streams.runtime.raw import Raw
from streams.runtime.task import Binding, Group, Task

DIFFERENCES = 100
"""So many are told; the rest is counted."""

Watch = Callable[[Entry, Group | None], None]


@dataclass(slots=True, kw_only=True)
class Audit:
    """What came of it. `chain_only` says why nothing was folded again, where that is so."""

    partition: int
    entries: int = 0
    records: int = 0
    outputs: int = 0
    accepted: int = 0
    head: str = START
    chain_only: str | None = None
    found: int = 0
    differences: list[str] = field(default_factory=list)

    def differs(self, told: str) -> None:
        """Take down one difference."""
        self.found += 1
        if len(self.differences) < DIFFERENCES:
            self.differences.append(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Auditor:
    """Reads the ledger of one stage, and folds it again. It writes nothing and joins nothing."""

    binding: Binding
    kafka: Kafka
    signer: Signer | None = None

    def entries(self, partition: int) -> Iterator[Entry]:
        """All entries that the log still has, their chain checked. Raises `Problem` at the first that does not hold."""
        topic = self.binding.ledger.topic
        low, _ = self.kafka.bounds(topic, partition)
        before = None
        for run in self.kafka.read(topic, partition, low):
            for record in run.records:
                entry = self.binding.ledger.entry(record.value)
                check(entry, before, self.signer)
                yield entry
                before = entry

    def audit(self, partition: int, watch: Watch = lambda *_: None) -> Audit:
        """Check the chain, fold every batch again, and compare outputs with the ledger and with what the topics hold.

        `watch` is told of every entry, with what folding it again gave. Where the inputs no longer reach back to the
        first entry the chain alone is checked. Raises `Problem` where the chain does not hold.
        """
        audit = Audit(partition=partition)
        replay: _Replay | None = None
        last = self._last(partition)
        for entry in self.entries(partition):
            if audit.entries == 0:
                replay = self._replay(entry, last, audit)
            audit.entries, audit.head = audit.entries + 1, entry.head
            audit.records, audit.outputs = audit.records + entry.records, audit.outputs + entry.outputs
            audit.accepted += entry.kind == "accepted"
            watch(entry, replay.fold(entry, audit) if replay is not None else None)
        if replay is not None:
            replay.end(audit)
        return audit

    def _last(self, partition: int) -> Entry | None:
        return next(iter(deque(self.entries(partition), maxlen=1)), None)

    def _replay(self, first: Entry, last: Entry | None, audit: Audit) -> "_Replay | None":
        """What folds again from `first` on; None, with the reason in `audit`, where that is not possible any more."""
        if first.seq != 0 or last is None:
            audit.chain_only = f"the ledger begins with entry {first.seq}: what came before is gone"
            return None
        facts = self.kafka.describe(self.binding.topics)
        try:
            recovery.require_genesis(first.note or "{}", facts, self.binding.digest, self.binding.ledger.topic)
            inputs = recovery.sources(self.kafka, first.partition, first.ends, last.ends)
        except Problem as problem:
            audit.chain_only = str(problem)
            return None
        return _Replay(Task(self.binding, first.partition, first.ends), inputs, self._outputs(first.partition))

    def _outputs(self, partition: int) -> dict[str, Iterator[Raw]]:
        """Per topic that only this stage writes, the records of `partition` in order."""
        values = self.binding.encoder.values.items()
        return {topic: self._records(topic, partition) for last, (topic, _) in values if last != Alert.TOPIC}

    def _records(self, topic: str, partition: int) -> Iterator[Raw]:
        low, _ = self.kafka.bounds(topic, partition)
        for run in self.kafka.read(topic, partition, low):
            yield from run.records


@dataclass(frozen=True, slots=True)
class _Replay:
    task: Task
    inputs: dict[str, recovery.Source]
    outputs: dict[str, Iterator[Raw]]

    def fold(self, entry: Entry, audit: Audit) -> Group | None:
        group, differs = recovery.fold_again(self.task, entry, self.inputs)
        if differs is not None:
            audit.differs(f"entry {entry.seq} ({entry.environment}) folded again gives {differs}")
        for message in group.messages if group is not None else ():
            if message.topic in self.outputs:
                self._compare(entry, message, audit)
        return group

    def _compare(self, entry: Entry, message: Message, audit: Audit) -> None:
        stored = next(self.outputs[message.topic], None)
        if stored is None:
            audit.differs(f"{message.topic} lacks an output of entry {entry.seq}")
        elif (stored.key, stored.value, stored.timestamp) != (message.key, message.value, message.timestamp_ms):
            audit.differs(f"{message.topic}@{stored.offset} is not the output that entry {entry.seq} gives")

    def end(self, audit: Audit) -> None:
        """Nothing may stand behind the last entry's outputs."""
        for topic, rest in self.outputs.items():
            for stored in islice(rest, 1):
                audit.differs(f"{topic}@{stored.offset} is the output of no entry")
