"""What must hold at every commit of a task: nothing lost, nothing twice, all of it together."""

import json
from collections import Counter
from collections.abc import Mapping

from schemas.decode import own_decoder
from schemas.ledger import Entry
from schemas.outcome import Outcome
from schemas.scored import Scored
from streams.runtime.codec import Message
from streams.runtime.ledger import hash_of
from streams.runtime.manifest import MANIFEST
from streams.runtime.ports import Mark
from tests.simulation.calm import Expected
from tests.simulation.inputs import BINDING, OUTPUTS, REGISTRY
from tests.simulation.log import Log, Transaction
from tests.streams.runtime.logs import Stored

_DECODE = {
    "taps.scored": own_decoder(Scored, REGISTRY),
    "taps.outcomes": own_decoder(Outcome, REGISTRY),
}
ROLES = {source.topic: source.role.value for source in BINDING.sources}


class Broken(AssertionError):
    """A promise that the log says was not kept."""


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Broken(what)


class Watcher:
    """Follows the commits of one task, each against what was committed before and against what is expected.

    Where nothing is `expected`, as where inputs come while a run goes on, no output may come twice.
    """

    def __init__(self, log: Log, expected: Expected | None) -> None:
        self._log, self._expected = log, expected
        self.last: Entry | None = None
        self._saved = -1
        self._given: Counter[str] = Counter()

    def committed(self, transaction: Transaction) -> None:
        """Raises `Broken` where this transaction should not be."""
        ledger = self._of(transaction, BINDING.ledger.topic)
        require(len(ledger) == 1, f"a transaction with {len(ledger)} ledger entries")
        entry = BINDING.ledger.entry(ledger[0].value)
        self._follows(entry)
        self._state(entry, self._of(transaction, BINDING.state_topic))
        self._offsets(entry, transaction.offsets)
        self._balance(entry)
        self._outputs(entry, [record for record in transaction.written if record.topic in OUTPUTS])
        self.last = entry

    def _of(self, transaction: Transaction, topic: str) -> list[Stored]:
        return [record for record in transaction.written if record.topic == topic]

    def _follows(self, entry: Entry) -> None:
        last = self.last
        if last is None:
            require((entry.seq, entry.kind) == (0, "genesis"), f"the ledger begins with a {entry.kind}")
            return
        require(entry.seq == last.seq + 1, f"entry {entry.seq} comes after entry {last.seq}")
        require(entry.previous == last.head, f"entry {entry.seq} follows on another entry")
        require(entry.starts == last.ends, f"entry {entry.seq} starts at {entry.starts}, not at {last.ends}")
        require(entry.epoch >= last.epoch, f"epoch {entry.epoch} after {last.epoch}")

    def _state(self, entry: Entry, records: list[Stored]) -> None:
        require(entry.checkpoint == bool(records), f"entry {entry.seq} and its state were not committed together")
        if not entry.checkpoint:
            return
        manifests = [record.value for record in records if record.key == b"0:" + MANIFEST]
        require(len(manifests) == 1, f"entry {entry.seq} saves {len(manifests)} manifests")
        told = json.loads((manifests[0] or b"")[10:])
        require((told["seq"], told["head"]) == (entry.seq, entry.head), f"entry {entry.seq} saves another's state")
        self._saved = entry.seq

    def _offsets(self, entry: Entry, offsets: Mapping[tuple[str, str, int], Mark]) -> None:
        ends = {topic: mark.offset for (_, topic, _), mark in offsets.items()}
        require(ends == entry.ends, f"entry {entry.seq} ends at {entry.ends}, its offsets are {ends}")
        words = {mark.metadata for mark in offsets.values()}
        require(len(words) == 1, f"the offsets of entry {entry.seq} say different things")
        told = json.loads(words.pop())
        place = (told["epoch"], told["seq"], told["head"], told["checkpoint"])
        require(place == (entry.epoch, entry.seq, entry.head, self._saved), f"beside entry {entry.seq} stands {told}")

    def _balance(self, entry: Entry) -> None:
        there = {
            role: len(self._log.partition(topic).read(entry.starts[topic], entry.ends[topic]))
            for topic, role in ROLES.items()
        }
        batch = entry.kind == "batch"
        require(not batch or entry.roles == there, f"entry {entry.seq} folds {entry.roles} of {there}")
        ordered = entry.disordered == 0 or self._expected is None
        require(ordered, f"entry {entry.seq} has {entry.disordered} out of order: all was there before")
        for role, many in there.items():
            became = sum(count for name, count in entry.counts.items() if name.startswith(f"{role}."))
            became += entry.held if role == "labels" else 0
            require(became == many, f"entry {entry.seq} accounts for {became} of {many} {role}")

    def _outputs(self, entry: Entry, records: list[Stored]) -> None:
        messages = [Message(r.topic, r.key, r.value, r.timestamp, list(r.headers)) for r in records]
        require(entry.outputs == len(messages), f"entry {entry.seq} has {len(messages)} of {entry.outputs} outputs")
        require(entry.output_hash == hash_of(messages), f"entry {entry.seq} has other outputs than it says")
        if self._expected is None:
            self._unique(messages)
            return
        for message in messages:
            topic, at = message.topic, self._given[message.topic]
            wanted = self._expected.outputs[topic]
            require(at < len(wanted) and message == wanted[at], f"output {at} of {topic} is not what it must be")
            self._given[topic] += 1

    def _unique(self, messages: list[Message]) -> None:
        """By the place of the record that they came from."""
        for message in messages:
            decode = _DECODE.get(message.topic)
            told = decode(message.value)["source_offset"] if decode else str(message.headers)
            at = self._given[f"{message.topic} {told}"]
            require(at == 0, f"{message.topic} has {told} twice")
            self._given[f"{message.topic} {told}"] += 1

    def finish(self) -> None:
        """Raises `Broken` unless all is folded and given."""
        last = self.last
        require(last is not None, "there is no ledger")
        assert last is not None
        for topic, end in last.ends.items():
            left = self._log.partition(topic).read(end, self._log.partition(topic).high)
            require(not left, f"{len(left)} records of {topic} were never folded")
        for topic, wanted in self._expected.outputs.items() if self._expected is not None else ():
            read = self._log.partition(topic).read(0, self._log.partition(topic).high)
            found = [Message(r.topic, r.key, r.value, r.timestamp, list(r.headers)) for r in read]
            require(found == wanted, f"{topic} holds {len(found)} records, not the {len(wanted)} of a calm run")
