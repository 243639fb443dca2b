"""Owning a partition: fencing the former owner, finding the state again, and committing batch by batch."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import NamedTuple

import msgspec

from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime import recovery
from streams.runtime.checkpoint import Checkpoint, Manifest
from streams.runtime.codec import Message
from streams.runtime.due import Due
from streams.runtime.environment import environment
from streams.runtime.ledger import START, Chain, Named, Signer, Work
from streams.runtime.ports import Abortable, Fenced, Kafka, Mark, Transactions, Unknown
from streams.runtime.raw import Run
from streams.runtime.recovery import Beside
from streams.runtime.task import Binding, Task

log = logging.getLogger(__name__)

RUN = 10
"""Rejects in a row from which each batch saves its state: who mends what is wrong with them starts behind them, since
mended code would fold them otherwise than the ledger says."""

TRIES = 5
"""How often the same messages are sent again before the worker stops by name."""


class Batch(NamedTuple):
    """What one transaction makes final: outputs, the entry about them, and the state where a checkpoint is due."""

    messages: Sequence[Message]
    entry: Entry
    state: Sequence[Message] = ()
    began_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Takes partitions of one stage. `accept` lets folding again differ from the ledger, which then says so."""

    binding: Binding
    kafka: Kafka
    signer: Signer | None = None
    accept: bool = False
    clock: Callable[[], float] = monotonic

    def own(self, partition: int, parked: "Owned | None" = None) -> "Owned":
        """The task of `partition`, standing where its ledger ends.

        `parked` is the one that was let go of: where it stands exactly there, it goes on as it is.
        Raises `Fenced`, or `Problem` where offsets, ledger, state and log do not fit together.
        """
        transactions = self.transactions(partition)
        try:
            return self._own(partition, transactions, parked)
        except BaseException:
            transactions.close()
            raise

    def transactions(self, partition: int) -> Transactions:
        """A producer that fences every earlier one of this task."""
        binding = self.binding
        return self.kafka.transactions(f"{binding.transactional_id}.{partition}", binding.group, partition)

    def marks(self, partition: int) -> dict[str, Mark | None]:
        """What is committed of this task's inputs."""
        return self.kafka.committed(self.binding.group, self.binding.topics, partition)

    def repair(self, partition: int) -> Entry:
        """Rewrite the offsets of `partition` from the last entry of its ledger, which is returned.

        Fences a task that still runs. Raises `Problem` where the ledger is empty or its chain does not hold.
        """
        ledger = self.binding.ledger.topic
        transactions = self.transactions(partition)
        try:
            low, _ = self.kafka.bounds(ledger, partition)
            entries = recovery.tail(self.kafka, self.binding, partition, low, self.signer)
            if not entries:
                raise Problem(f"{ledger}/{partition} is empty: there is nothing to repair the offsets from")
            saved = Checkpoint(self.binding.state_topic).restore(
                recovery.records(self.kafka, self.binding.state_topic, partition)
            )
            last, seq = entries[-1], saved.manifest.seq if saved is not None else -1
            told = Beside(recovery.METADATA_VERSION, last.epoch, last.seq, last.head, seq, low)
            transactions.begin()
            transactions.send_offsets(_marks(last, told))
            transactions.commit()
        finally:
            transactions.close()
        return last

    def _own(self, partition: int, transactions: Transactions, parked: "Owned | None") -> "Owned":
        binding = self.binding
        named = Named(
            pipeline=binding.pipeline,
            version=binding.version,
            stage=binding.stage.name,
            partition=partition,
            environment=environment(),
        )
        marks = self.marks(partition)
        told = recovery.beside(marks, str(named))
        if told is None:
            return self._begin(named, transactions)
        if parked is not None and parked.stands_at(told):
            parked.resume(transactions)
            return parked
        entries = recovery.tail(self.kafka, binding, partition, told.ledger, self.signer)
        last = recovery.agree(told, marks, entries, str(named))
        owned = self._at(Chain(named, self.signer, last, epoch=last.epoch + 1), transactions, told)
        self._restore(owned, [entry for entry in entries if entry.seq >= told.checkpoint])
        return owned

    def _begin(self, named: Named, transactions: Transactions) -> "Owned":
        """Entry 0, committed at once: from now on it is known where folding began."""
        binding, partition = self.binding, named.partition
        low, high = self.kafka.bounds(binding.ledger.topic, partition)
        if any(run.records for run in self.kafka.read(binding.ledger.topic, partition, low)):
            raise Problem(f"{named} has a ledger but no committed offsets, as when a group expires: {recovery.REPAIR}")
        starts = {topic: self.kafka.bounds(topic, partition)[0] for topic in binding.topics}
        owned = self._at(
            Chain(named, self.signer), transactions, Beside(recovery.METADATA_VERSION, 0, -1, "", -1, high)
        )
        owned.task = Task(binding, partition, starts)
        owned.genesis = recovery.genesis_note(self.kafka.describe(binding.topics), binding.digest)
        work = Work(starts=starts, ends=starts, counts={})
        owned.commit(Batch((), owned.chain.next(work, kind="genesis", note=owned.genesis)))
        return owned

    def _at(self, chain: Chain, transactions: Transactions, told: Beside) -> "Owned":
        """A task that stands nowhere yet."""
        task = Task(self.binding, chain.named.partition, dict.fromkeys(self.binding.topics, 0))
        return Owned(self, task, chain, transactions, told, Checkpoint(self.binding.state_topic), Due(self.clock))

    def _restore(self, owned: "Owned", entries: Sequence[Entry]) -> None:
        """The state of the checkpoint, with everything after it folded again and compared with the ledger.

        `entries` begin with the one that saved the state, or with the first.
        """
        binding, what, told = self.binding, str(owned.chain.named), owned.told
        partition = owned.task.partition
        saved = owned.checkpoint.restore(recovery.records(self.kafka, binding.state_topic, partition))
        manifest = saved.manifest if saved is not None else None
        if (manifest.seq if manifest is not None else -1) != told.checkpoint:
            raise Problem(
                f"the state of {what} is not that of entry {told.checkpoint}, as its offsets say: {recovery.REPAIR}"
            )
        first = entries[0]
        if first.seq != max(told.checkpoint, 0) or (manifest is not None and first.head != manifest.head):
            raise Problem(f"the ledger of {what} begins with entry {first.seq}: what the state follows on is missing")
        owned.genesis = manifest.genesis if manifest is not None else first.note or "{}"
        recovery.require_genesis(owned.genesis, self.kafka.describe(binding.topics), binding.digest, what)
        owned.task = Task(binding, partition, first.ends)
        if saved is not None:
            self._require_environment(saved.manifest, what)
            owned.task.restore(saved.manifest.task, saved.values)
        differences = self._fold_again(owned, entries[1:])
        if differences:
            owned.accept(differences)

    def _require_environment(self, manifest: Manifest, what: str) -> None:
        """Raise `Problem` where another River, numpy or architecture has computed the state."""
        then, now = (_deciding(each) for each in (manifest.environment, environment()))
        if then != now and not self.accept:
            raise Problem(
                f"the state of {what} was computed by {manifest.environment}, this is {environment()}: run it where it "
                f"ran, start a new version, or accept the divergence with --accept-divergence"
            )

    def _fold_again(self, owned: "Owned", entries: Sequence[Entry]) -> list[str]:
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
                    f"version; or accept the divergence with --accept-divergence"
                )
            differences.append(told)
        return differences


def _marks(entry: Entry, told: Beside) -> dict[str, Mark]:
    metadata = msgspec.json.encode(told).decode()
    return {topic: Mark(end, metadata) for topic, end in entry.ends.items()}


def _deciding(told: str) -> list[str]:
    """The parts of an environment that decide what a saved state gives: not Python's patch level, nor our own code."""
    return [part for part in told.split("; ") if not part.startswith(("python", "code"))]


@dataclass(slots=True)
class Owned:
    """A task with the producer that makes it ours and the end of its ledger. One thread at a time."""

    owner: Owner
    task: Task
    chain: Chain
    transactions: Transactions
    told: Beside
    checkpoint: Checkpoint
    due: Due
    genesis: str = ""
    refolded: int = 0
    _ahead: bool = False
    """Whether the state has folded what is not committed."""

    def deliver(self, run: Run) -> bool:
        """Buffer what a fetch gave; False where there is a gap before it."""
        return self.task.deliver(run)

    def advance(self) -> bool:
        """Fold and commit one batch; False where there is nothing to fold."""
        batch = self.fold()
        if batch is None:
            return False
        self.commit(batch)
        return True

    def fold(self) -> Batch | None:
        """What the next commit makes final; None where nothing is queued. It must be committed before the next."""
        self._ahead = True
        group = self.task.step()
        if group is None:
            self._ahead = False
            return None
        self.due.folded()
        return self._batch(group.work, group.messages, checkpoint=self.due.now() or self.task.in_a_row >= RUN)

    def save(self) -> None:
        """Commit the state as it stands, as before a deliberate stop.

        Not where nothing was folded since it was saved, nor where it has folded what could not be committed.
        """
        if not self._ahead and self.chain.seq > max(self.told.checkpoint, 0):
            self.commit(self._batch(self.task.nothing(), (), checkpoint=True))

    def accept(self, differences: Sequence[str]) -> None:
        """State in the ledger that folding again gave something else, and that a person accepted it."""
        note = msgspec.json.encode({"differences": list(differences[:100]), "count": len(differences)}).decode()
        entry = self.chain.next(self.task.nothing(), kind="accepted", note=note)
        self.commit(Batch((), entry))

    def _batch(self, work: Work, messages: Sequence[Message], *, checkpoint: bool) -> Batch:
        entry, began_s = self.chain.next(work, checkpoint=checkpoint), self.owner.clock()
        return Batch(messages, entry, self._state(entry) if checkpoint else (), began_s)

    def _state(self, entry: Entry) -> Sequence[Message]:
        task = self.task
        manifest = Manifest(
            seq=entry.seq,
            head=entry.head,
            epoch=entry.epoch,
            positions=entry.ends,
            task=task.saved(),
            environment=entry.environment,
            genesis=self.genesis,
        )
        return self.checkpoint.messages(task.binding.stage.save(task.state), manifest, timestamp_ms=0)

    def commit(self, batch: Batch) -> None:
        """Make `batch` final: the same bytes again where a transaction had to be aborted, an unknown outcome looked up.

        Raises `Fenced` where the task is somebody else's now, and `Problem` where Kafka does not take it.
        """
        told = self._after(batch)
        for _ in range(TRIES):
            try:
                self._send(batch, told)
            except (Abortable, Unknown) as error:
                log.warning("%s, entry %d: %s", self.chain.named, batch.entry.seq, error)
                if not self._took(batch, error):
                    continue
            self.chain.advance(batch.entry)
            self.told, self._ahead = told, False
            if batch.entry.checkpoint:
                self.due.saved(cost_s=self.owner.clock() - batch.began_s)
            return
        raise Problem(f"{self.chain.named}: Kafka did not take a batch {TRIES} times: check the brokers' logs")

    def _took(self, batch: Batch, error: Exception) -> bool:
        """Whether Kafka took the batch after all. Where it did not, a new transaction can begin.

        An unknown outcome is known once ownership is taken again: then nothing is under way any more.
        """
        if isinstance(error, Abortable):
            try:
                self.transactions.abort()
            except (Abortable, Unknown):
                log.warning("%s: the abort failed too", self.chain.named)
            else:
                return False
        self.transactions.close()
        self.transactions = self.owner.transactions(self.task.partition)
        found = recovery.beside(self.owner.marks(self.task.partition), str(self.chain.named))
        head = found.head if found is not None else START
        if head not in (batch.entry.head, batch.entry.previous):
            raise Fenced(f"entry {batch.entry.seq} is not ours: somebody else has gone on")
        return head == batch.entry.head

    def stands_at(self, told: Beside) -> bool:
        """Whether the state is that of this committed entry."""
        return not self._ahead and (self.chain.seq, self.chain.head) == (told.seq, told.head)

    def resume(self, transactions: Transactions) -> None:
        """Go on with a new producer; what was fetched and not folded is fetched again."""
        self.transactions = transactions
        self.refolded = 0
        self.task.merge.rewind()

    def close(self) -> None:
        """Let go of the producer."""
        self.transactions.close()

    def _after(self, batch: Batch) -> Beside:
        """What stands beside the offsets once `batch` is committed."""
        entry, told = batch.entry, self.told
        checkpoint, ledger = told.checkpoint, told.ledger
        if entry.checkpoint:
            topic, partition = self.task.binding.ledger.topic, self.task.partition
            checkpoint, ledger = entry.seq, self.owner.kafka.bounds(topic, partition)[1]
        return Beside(recovery.METADATA_VERSION, entry.epoch, entry.seq, entry.head, checkpoint, ledger)

    def _send(self, batch: Batch, told: Beside) -> None:
        transactions = self.transactions
        transactions.begin()
        for message in batch.messages:
            transactions.produce(message)
        ledger = self.task.binding.ledger
        transactions.produce(ledger.message(batch.entry))
        for message in batch.state:
            transactions.produce(message)
        transactions.send_offsets(_marks(batch.entry, told))
        transactions.commit()
