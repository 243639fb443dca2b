"""Taking a partition: fencing the former owner, and finding its state where the ledger says that it stands."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from schemas.ledger import Entry
from schemas.problem import Outage, Problem
from streams.runtime import recovery
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.codec import Source
from streams.runtime.due import Due
from streams.runtime.environment import environment
from streams.runtime.ledger import Chain, Named, Signer, Work
from streams.runtime.manifest import Manifest
from streams.runtime.owned import Owned
from streams.runtime.ports import Fenced, Kafka, Mark, Transactions
from streams.runtime.recovery import Beside
from streams.runtime.resumed import resume
from streams.runtime.seat import Seat, positions
from streams.runtime.task import Binding, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Takes partitions of one stage. `accept` lets folding again differ from the ledger, which then says so."""

    binding: Binding
    kafka: Kafka
    signer: Signer | None = None
    accept: bool = False
    clock: Callable[[], float] = monotonic

    def own(self, partition: int, parked: Owned | None = None) -> Owned:
        """The task of `partition`, standing where its ledger ends.

        `parked` is the one that was let go of: where it stands exactly there, it goes on as it is.
        Raises `Fenced`, or `Problem` where offsets, ledger, state and log do not fit together.
        """
        seat = self.seat(partition)
        log.info("%s: taking it", seat.named)
        transactions = seat.transactions()
        try:
            return self._settle(seat, transactions, parked)
        except BaseException:
            transactions.close()
            raise

    def seat(self, partition: int) -> Seat:
        """Where the task of `partition` stands in Kafka."""
        binding = self.binding
        named = Named(
            pipeline=binding.pipeline,
            version=binding.version,
            stage=binding.stage.name,
            partition=partition,
            environment=environment(),
        )
        return Seat(binding, self.kafka, named)

    def repair(self, partition: int) -> Entry:
        """Rewrite the offsets of `partition` from the last entry of its ledger, which is returned.

        Fences a task that still runs. Raises `Problem` where the ledger is empty, its chain does not hold, or it was
        cut off.
        """
        seat = self.seat(partition)
        transactions = seat.transactions()
        try:
            low, _ = seat.ledger_bounds()
            entries = recovery.tail(self.kafka, self.binding, partition, low, self.signer)
            if not entries:
                raise Problem(f"the ledger of {seat.named} is empty: there is nothing to repair the offsets from")
            saved = Checkpoint(self.binding.state_topic).restore(seat.saved())
            last, seq = entries[-1], saved.manifest.seq if saved is not None else -1
            known = max(seq, recovery.latest(seat.marks()))
            if known > last.seq:
                raise Problem(
                    f"the ledger of {seat.named} ends with entry {last.seq}, its offsets or its state with entry "
                    f"{known}: it was cut off, and offsets from before would double what that entry wrote; run the "
                    "pipeline as its next version"
                )
            told = Beside(recovery.METADATA_VERSION, last.epoch, last.seq, last.head, seq, low)
            transactions.begin()
            transactions.send_offsets(positions(last.ends, told))
            transactions.commit()
        finally:
            transactions.close()
        return last

    def _settle(self, seat: Seat, transactions: Transactions, parked: Owned | None) -> Owned:
        """What does not fit together because another worker goes on meanwhile is no `Problem`, but `Fenced`."""
        marks = seat.marks()
        try:
            return self._own(seat, marks, transactions, parked)
        except Outage:
            raise
        except Problem as problem:
            if seat.marks() == marks:
                raise
            raise Fenced(f"{seat.named} was taken over while it was read ({problem})") from problem

    def _own(
        self, seat: Seat, marks: Mapping[str, Mark | None], transactions: Transactions, parked: Owned | None
    ) -> Owned:
        what = str(seat.named)
        told = recovery.beside(marks, what)
        if told is None:
            return self._begin(seat, transactions)
        recovery.require_there(self.kafka, marks, seat.partition, what)
        if parked is not None and parked.stands_at(told):
            parked.resume(transactions, told)
            return parked
        entries = recovery.tail(self.kafka, self.binding, seat.partition, told.ledger, self.signer)
        last = recovery.agree(told, marks, entries, what)
        owned = self._at(seat, Chain(seat.named, self.signer, last, epoch=last.epoch + 1), transactions, told)
        self._restore(owned, [entry for entry in entries if entry.seq >= told.checkpoint])
        return owned

    def _begin(self, seat: Seat, transactions: Transactions) -> Owned:
        """Entry 0, committed at once: from now on it is known where folding began."""
        binding, partition = self.binding, seat.partition
        low, high = seat.ledger_bounds()
        if any(run.records for run in self.kafka.read(binding.ledger.topic, partition, low)):
            raise Problem(
                f"{seat.named} has a ledger but no committed offsets, as when a group expires: {recovery.REPAIR}"
            )
        starts = {source.topic: self._start(source, partition) for source in binding.sources}
        told = Beside(recovery.METADATA_VERSION, 0, -1, "", -1, high)
        owned = self._at(seat, Chain(seat.named, self.signer), transactions, told)
        owned.task = Task(binding, partition, starts)
        owned.genesis = recovery.genesis_note(self.kafka.describe(binding.topics), binding)
        owned.begin(Work(starts=starts, ends=starts, counts={}))
        return owned

    def _start(self, source: Source, partition: int) -> int:
        """Where a partition that nobody has folded yet begins, as its pipeline declares."""
        topic, begin = source.topic, source.begin
        if isinstance(begin, int):
            return self.kafka.since(topic, partition, begin)
        return self.kafka.bounds(topic, partition)[0 if begin == "earliest" else 1]

    def _at(self, seat: Seat, chain: Chain, transactions: Transactions, told: Beside) -> Owned:
        """A task that stands nowhere yet."""
        task = Task(self.binding, seat.partition, dict.fromkeys(self.binding.topics, 0))
        checkpoint = Checkpoint(self.binding.state_topic)
        return Owned(seat, task, chain, transactions, told, checkpoint, Due(self.clock), self.clock)

    def _restore(self, owned: Owned, entries: Sequence[Entry]) -> None:
        """The state of the checkpoint, with everything after it folded again and compared with the ledger.

        `entries` begin with the one that saved the state, or with the first.
        """
        binding, what, told = self.binding, str(owned.chain.named), owned.told
        partition = owned.task.partition
        saved = owned.checkpoint.restore(owned.seat.saved())
        manifest = saved.manifest if saved is not None else None
        if (manifest.seq if manifest is not None else -1) != told.checkpoint:
            raise Problem(
                f"the state of {what} is not that of entry {told.checkpoint}, as its offsets say: {recovery.REPAIR}"
            )
        first = entries[0]
        if first.seq != max(told.checkpoint, 0) or (manifest is not None and first.head != manifest.head):
            raise Problem(f"the ledger of {what} begins with entry {first.seq}: what the state follows on is missing")
        owned.genesis = manifest.genesis if manifest is not None else first.note or "{}"
        recovery.require_genesis(owned.genesis, self.kafka.describe(binding.topics), binding, what)
        owned.task = Task(binding, partition, first.ends)
        differences: list[str] = []
        if saved is not None:
            differences += self._other_environment(saved.manifest, what)
            resume(owned.task, saved)
            log.info("%s: its state of entry %d is read, %d values", what, told.checkpoint, len(saved.values))
        differences += self._fold_again(owned, entries[1:])
        owned.task.merge.rewind()  # where the last entry ended is not where an input ends now
        if differences:
            owned.accept(differences)

    def _other_environment(self, manifest: Manifest, what: str) -> list[str]:
        """How what has computed the state differs in River, numpy or architecture.

        Raises `Problem` unless that is accepted.
        """
        then, now = (_deciding(each) for each in (manifest.environment, environment()))
        if then == now:
            return []
        told = f"the state of {what} was computed by {manifest.environment}, this is {environment()}"
        if not self.accept:
            raise Problem(
                f"{told}: run it where it ran, start a new version, or accept the divergence with "
                f"MILLRACE_ACCEPT_DIVERGENCE=true"
            )
        return [told]

    def _fold_again(self, owned: Owned, entries: Sequence[Entry]) -> list[str]:
        """Fold what the ledger lists, without producing; what differs. Raises `Problem` unless that is accepted."""
        differences: list[str] = []
        if not entries:
            return differences
        task = owned.task
        inputs = recovery.sources(self.kafka, task.partition, entries[0].starts, entries[-1].ends)
        for entry in entries:
            _, differs = recovery.fold_again(task, entry, inputs)
            owned.refolded += entry.records
            if differs is None:
                continue
            told = f"entry {entry.seq} folded again gives {differs}"
            if not self.accept:
                raise Problem(
                    f"{owned.chain.named} stops: {told}. It was folded by {entry.environment}, now by {environment()}. "
                    f"See that the registry, the code and the machine are those that it ran with; or start a new "
                    f"version; or accept the divergence with MILLRACE_ACCEPT_DIVERGENCE=true"
                )
            differences.append(told)
        return differences


def _deciding(told: str) -> list[str]:
    """The parts of an environment that decide what a saved state gives: not Python's patch level, nor our own code."""
    return [part for part in told.split("; ") if not part.startswith(("python", "code"))]
