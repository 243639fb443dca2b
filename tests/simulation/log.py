"""Kafka in memory: topics, groups, and transactions with fencing. No clock, no thread, nothing that fails by itself."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from streams.runtime.ports import Facts, Fenced, Mark
from tests.simulation.partition import Fate, Partition, State
from tests.streams.runtime.logs import Stored


@dataclass(eq=False)
class Transaction:
    """What one producer has under way, or has ended."""

    fate: Fate = field(default_factory=Fate)
    written: list[Stored] = field(default_factory=list)
    offsets: dict[tuple[str, str, int], Mark] = field(default_factory=dict)
    decided: bool = False


@dataclass(eq=False)
class Identity:
    """A transactional id as the coordinator knows it."""

    epoch: int = -1
    open: Transaction | None = None


@dataclass
class Topic:
    """All partitions of a topic. `id` is another one when it was created anew; `what` says what it is to a stage."""

    id: str
    what: str
    partitions: list[Partition]


class Log:
    """One cluster. `committed` is called with every transaction, as soon as it is visible."""

    def __init__(self, committed: Callable[[Transaction], None] = lambda _: None) -> None:
        self.topics: dict[str, Topic] = {}
        self.offsets: dict[tuple[str, str, int], Mark] = {}
        self.committed = committed
        self._identities: dict[str, Identity] = {}
        self._created = 0

    def create(self, name: str, what: str, partitions: int = 1) -> None:
        """A new, empty topic; one of this name is gone, with what was committed of it."""
        self._created += 1
        made = [Partition(name, number) for number in range(partitions)]
        self.topics[name] = Topic(f"topic-{self._created}", what, made)
        self.offsets = {place: mark for place, mark in self.offsets.items() if place[1] != name}

    def partition(self, topic: str, number: int = 0) -> Partition:
        return self.topics[topic].partitions[number]

    def append(self, topic: str, records: Iterable[Stored], number: int = 0) -> None:
        """Write records outside any transaction."""
        for record in records:
            self.partition(topic, number).append(record)

    def facts(self, topic: str) -> Facts:
        found = self.topics[topic]
        return Facts(found.id, len(found.partitions))

    def expire_group(self, group: str) -> None:
        """What the group has committed is gone, as when nobody was in it for long."""
        self.offsets = {place: mark for place, mark in self.offsets.items() if place[0] != group}

    def join(self, transactional_id: str) -> int:
        """The epoch of a new producer: those before it are fenced, what they left open is aborted or, where the
        coordinator had decided to commit it, is committed first."""
        identity = self._identities.setdefault(transactional_id, Identity())
        if identity.open is not None and identity.open.decided:
            self._commit(identity)
        return self._raise(identity)

    def time_out(self, transactional_id: str) -> None:
        """The coordinator has waited too long: it aborts what is open, and fences the producer that left it so."""
        self._raise(self._identities[transactional_id])

    def _raise(self, identity: Identity) -> int:
        if identity.open is not None:
            self._end(identity, State.ABORTED)
        identity.epoch += 1
        return identity.epoch

    def begin(self, transactional_id: str, epoch: int) -> None:
        """Open a transaction. Raises `Fenced`."""
        identity = self._of(transactional_id, epoch)
        assert identity.open is None, "a transaction is open already"
        identity.open = Transaction()

    def write(self, transactional_id: str, epoch: int, record: Stored) -> None:
        """Add a record to the open transaction. Raises `Fenced`."""
        transaction = self._open(transactional_id, epoch)
        self.partition(record.topic, record.partition).append(record, transaction.fate)
        transaction.written.append(record)

    def add_offsets(
        self, transactional_id: str, epoch: int, group: str, number: int, marks: Mapping[str, Mark]
    ) -> None:
        """Add a group's positions to the open transaction. Raises `Fenced`."""
        offsets = self._open(transactional_id, epoch).offsets
        offsets.update({(group, topic, number): mark for topic, mark in marks.items()})

    def commit(self, transactional_id: str, epoch: int) -> None:
        """Make the open transaction visible. Raises `Fenced`."""
        self._commit(self._of(transactional_id, epoch))

    def decide(self, transactional_id: str, epoch: int) -> None:
        """The coordinator will commit the open transaction: at the latest before there is a new producer."""
        self._open(transactional_id, epoch).decided = True

    def _commit(self, identity: Identity) -> None:
        transaction = self._end(identity, State.COMMITTED)
        self.offsets.update(transaction.offsets)
        self.committed(transaction)

    def abort(self, transactional_id: str, epoch: int) -> None:
        """Take the open transaction back. Raises `Fenced`."""
        self._end(self._of(transactional_id, epoch), State.ABORTED)

    def is_open(self, transactional_id: str, epoch: int) -> bool:
        """Whether this very producer has a transaction open that it can still abort."""
        identity = self._identities[transactional_id]
        return identity.epoch == epoch and identity.open is not None and not identity.open.decided

    def _of(self, transactional_id: str, epoch: int) -> Identity:
        identity = self._identities[transactional_id]
        if identity.epoch != epoch:
            raise Fenced(f"{transactional_id} is at epoch {identity.epoch}, this producer is of {epoch}")
        return identity

    def _open(self, transactional_id: str, epoch: int) -> Transaction:
        transaction = self._of(transactional_id, epoch).open
        assert transaction is not None, "no transaction is open"
        return transaction

    def _end(self, identity: Identity, state: State) -> Transaction:
        """A marker in every partition that the transaction has written to; each takes an offset."""
        transaction, identity.open = identity.open, None
        assert transaction is not None, "no transaction is open"
        transaction.fate.state = state
        for topic, number in dict.fromkeys((record.topic, record.partition) for record in transaction.written):
            self.partition(topic, number).mark(transaction.fate)
        return transaction
