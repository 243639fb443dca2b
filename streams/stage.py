"""What a stage is: a deterministic fold over records in one total order, with no Kafka in sight."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol, TypeVar

import msgspec

from schemas.message import Message
from schemas.reject import Reject


class Role(StrEnum):
    """What an input means to a stage, in the order in which equal times are merged."""

    MODELS = "models"
    LABELS = "labels"
    EVENTS = "events"
    SCORED = "scored"
    OUTCOMES = "outcomes"
    PASSED = "passed"
    """Events and labels, as another stage passes them on."""


# One of each per record: a struct is made in C, in a quarter of the time that a named tuple takes.
class Record(msgspec.Struct, frozen=True, gc=False):
    """One record of an input, with its position. `value` is the decoded message, or why it cannot be used; `raw` its
    bytes, for those who pass them on."""

    role: Role
    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: object
    raw: bytes | None = None


class Output(msgspec.Struct, frozen=True, gc=False):
    """One message for the topic whose name ends in `value.TOPIC`, in the partition of its stage.

    `timestamp_ms` becomes its Kafka timestamp: that of the record it came from, or the end of the window it is about.
    """

    key: bytes
    value: Message
    timestamp_ms: int


class Refused(NamedTuple):
    """An input record that goes to `rejected` as it came."""

    record: Record
    reject: Reject


class Rekeyed(NamedTuple):
    """An input record that goes on as it came, under another key, in the partition of that."""

    record: Record
    key: bytes


Emitted = Output | Refused | Rekeyed


class State(Protocol):
    """What a fold carries from record to record. `counts` says what became of each record: `events.scored` …"""

    counts: Counter[str]


Saved = Iterator[tuple[bytes, bytes | None]]
"""Keys with what they hold now; None where they are gone."""

S = TypeVar("S", bound=State)


class Stage(Protocol[S]):
    """A fold. It consumes the state it is given: after the call only the advanced state is valid.

    The law: folding `a + b` gives the outputs and the state of folding `a`, then `b`, wherever the cut is.
    """

    name: str

    def initial(self, partition: int) -> S:
        """The state before the first record of `partition`."""

    def fold(self, state: S, records: Sequence[Record]) -> list[Emitted]:
        """Advance `state` over `records`, in their order, and return what they give, in that order."""

    def save(self, state: S) -> Saved:
        """Keys and values that have changed since the last save of this `state`; None: the key is gone.

        The law: the latest values of all saves, restored, go on as `state` does, in every output, wherever saved.
        """

    def restore(self, partition: int, values: Mapping[bytes, bytes]) -> S:
        """The state that `values` were saved of. Raises `Problem` where they are of another definition, or forged."""
