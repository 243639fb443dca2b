"""What a task needs of Kafka, in its own words: transactions, committed positions, and a log to read again."""

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple, Protocol

from streams.runtime.codec import Message
from streams.runtime.raw import Run


class Fenced(Exception):
    """Another worker has taken over this task; what was not committed is its business now."""


class Abortable(Exception):
    """The transaction must be aborted; the same messages may be sent again in a new one."""


class Unknown(Exception):
    """Whether the transaction was committed is not known: take ownership again and read what stands beside offsets."""


class Mark(NamedTuple):
    """A committed position, and the text that was committed with it."""

    offset: int
    metadata: str


class Facts(NamedTuple):
    """What identifies a topic: an id that a topic of the same name created later does not have."""

    topic_id: str
    partitions: int


class Transactions(Protocol):
    """One task's producer. Everything it does raises `Fenced`, `Abortable`, `Unknown`, or `Problem` by name."""

    def begin(self) -> None:
        """Open a transaction."""

    def produce(self, message: Message) -> None:
        """Add a message, in its own partition or else the task's, to the transaction."""

    def send_offsets(self, marks: Mapping[str, Mark]) -> None:
        """Add the positions of the group, per input topic, to the transaction."""

    def commit(self) -> None:
        """Make all of it visible at once. Only here can the outcome be `Unknown`."""

    def abort(self) -> None:
        """Take all of it back."""

    def close(self) -> None:
        """Let go of the connection; what is open is aborted."""


class Kafka(Protocol):
    """What a task needs to own a partition. All reads are read_committed."""

    def transactions(self, transactional_id: str, group: str, partition: int) -> Transactions:
        """A producer that fences every earlier one of its id, whose open transaction is aborted."""

    def committed(self, group: str, topics: Collection[str], partition: int) -> dict[str, Mark | None]:
        """Per topic what the group has committed; None where it has nothing."""

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """The first offset that is still there, and the offset behind the last one."""

    def since(self, topic: str, partition: int, time_ms: int) -> int:
        """The offset of the first record with this Kafka timestamp or a later one; the one behind the last, if none."""

    def read(self, topic: str, partition: int, start: int, end: int | None = None) -> Iterator[Run]:
        """Runs that follow on each other from `start`; the last one ends at `end`, or at the end of the log now.

        Raises `Problem` where the log no longer holds `start`, or falls silent.
        """

    def describe(self, topics: Collection[str]) -> dict[str, Facts]:
        """Id and partition count of each topic. Raises `Problem` where one is not there."""
