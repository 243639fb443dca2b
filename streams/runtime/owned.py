"""A task that is ours: it folds batch by batch, and commits each with its entry in the ledger."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from schemas.ledger import Entry
from schemas.problem import Outage
from streams.runtime import recovery
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.codec import Message
from streams.runtime.due import Due
from streams.runtime.ledger import START, Chain, Work
from streams.runtime.manifest import Manifest
from streams.runtime.ports import Abortable, Fenced, Transactions, Unknown
from streams.runtime.raw import Run
from streams.runtime.recovery import Beside
from streams.runtime.seat import Seat, positions
from streams.runtime.slices import Slices, at_once
from streams.runtime.task import GROUP_LIMIT, Task

log = logging.getLogger(__name__)

RUN = 10
"""Rejects in a row from which each batch saves its state: who mends what is wrong with them starts behind them, since
mended code would fold them otherwise than the ledger says."""

TRIES = 5
"""How often the same messages are sent again before the worker stops by name."""


class Batch(NamedTuple):
    """What one transaction makes final: outputs, the entry about them, and the state where a checkpoint is due.

    `encoding_s` is what it took to encode the state.
    """

    messages: Sequence[Message]
    entry: Entry
    state: Sequence[Message] = ()
    encoding_s: float = 0.0


@dataclass(slots=True)
class Owned:
    """A task with the producer that makes it ours and the end of its ledger.

    Batches are committed one by one in the order in which they were folded. While one thread commits a batch, another
    may fold the next: `fold` and `commit` share nothing but the batches. `chain` ends with what was folded last.
    """

    seat: Seat
    task: Task
    chain: Chain
    transactions: Transactions
    told: Beside
    checkpoint: Checkpoint
    due: Due
    clock: Callable[[], float]
    genesis: str = ""
    refolded: int = 0
    _ahead: int = 0
    """How many batches the state has folded that are not committed."""

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

    def fold(self, limit: int = GROUP_LIMIT) -> Batch | None:
        """What the next commit makes final, of `limit` records at most; None where nothing is queued."""
        return at_once(self.folding(limit, limit))

    def folding(self, limit: int, size: int) -> Slices[Batch | None]:
        """The same in slices: of `size` records, and of the state value by value where that is saved."""
        self._ahead += 1  # for ever, where this fails
        began_s = self.clock()
        group = yield from self.task.steps(limit, size)
        if group is None:
            self._ahead -= 1
            return None
        self.due.folded(self.clock() - began_s)
        checkpoint = self.due.now() or self.task.in_a_row >= RUN
        return (yield from self._batch(group.work, group.messages, checkpoint=checkpoint))

    def save(self) -> None:
        """Commit the state as it stands, as before a deliberate stop.

        Not where nothing was folded since it was saved, nor where it has folded what could not be committed.
        """
        if not self._ahead and self.chain.seq > max(self.told.checkpoint, 0):
            self._ahead += 1
            self.commit(at_once(self._batch(self.task.nothing(), (), checkpoint=True)))

    def accept(self, differences: Sequence[str]) -> None:
        """State in the ledger that folding again gave something else, and that a person accepted it.

        The state goes with it: what was accepted once is not folded again.
        """
        note = msgspec.json.encode({"differences": list(differences[:100]), "count": len(differences)}).decode()
        self._ahead += 1
        entry = self.chain.next(self.task.nothing(), kind="accepted", checkpoint=True, note=note)
        self.commit(at_once(self._with_state((), entry)))

    def begin(self, work: Work) -> None:
        """Commit entry 0, which says where folding begins."""
        self._ahead += 1
        self.commit(Batch((), self.chain.next(work, kind="genesis", note=self.genesis)))

    def _batch(self, work: Work, messages: Sequence[Message], *, checkpoint: bool) -> Slices[Batch]:
        entry = self.chain.next(work, checkpoint=checkpoint)
        return (yield from self._with_state(messages, entry)) if checkpoint else Batch(messages, entry)

    def _with_state(self, messages: Sequence[Message], entry: Entry) -> Slices[Batch]:
        began_s = self.clock()
        state = yield from self._state(entry)
        self.due.saving()
        return Batch(messages, entry, state, self.clock() - began_s)

    def _state(self, entry: Entry) -> Slices[list[Message]]:
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
        return self.checkpoint.writing(task.binding.stage.save(task.state), manifest, timestamp_ms=0)

    def commit(self, batch: Batch) -> None:
        """Make `batch` final: the same bytes again where a transaction had to be aborted, an unknown outcome looked up.

        Raises `Fenced` where the task is somebody else's now, and `Problem` where Kafka does not take it.
        """
        told, began_s = self._after(batch), self.clock()
        for _ in range(TRIES):
            try:
                self._send(batch, told)
            except (Abortable, Unknown) as error:
                log.warning("%s, entry %d: %s", self.chain.named, batch.entry.seq, error)
                if not self._took(batch, error):
                    continue
            self.told = told
            self._ahead -= 1
            if batch.entry.checkpoint:
                self.due.saved(cost_s=batch.encoding_s + self.clock() - began_s)
            return
        raise Outage(f"{self.chain.named}: Kafka did not take a batch {TRIES} times: check the brokers' logs")

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
        self.transactions = self.seat.transactions()
        found = recovery.beside(self.seat.marks(), str(self.chain.named))
        head = found.head if found is not None else START
        if head not in (batch.entry.head, batch.entry.previous):
            raise Fenced(f"entry {batch.entry.seq} is not ours: somebody else has gone on")
        return head == batch.entry.head

    @property
    def committed(self) -> bool:
        """Whether the state is that of the last committed entry, and not ahead of it."""
        return not self._ahead and self.chain.seq == self.told.seq

    def stands_at(self, told: Beside) -> bool:
        """Whether the state is that of this committed entry."""
        return not self._ahead and (self.chain.seq, self.chain.head) == (told.seq, told.head)

    def resume(self, transactions: Transactions, told: Beside) -> None:
        """Go on with a new producer; what was fetched and not folded is fetched again."""
        self.transactions, self.told = transactions, told
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
            checkpoint, ledger = entry.seq, self.seat.ledger_bounds()[1]
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
        transactions.send_offsets(positions(batch.entry.ends, told))
        transactions.commit()
