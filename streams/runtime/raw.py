"""Records as they come from the log, before anything is known of them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Raw(Protocol):
    """One undecoded record. aiokafka's `ConsumerRecord` is one."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Run(NamedTuple):
    """What one fetch gave of one topic: the records from `start`, the position after them, and the end it reported.

    `end` may lie behind the last record: control markers and aborted records have offsets too. `stable` is the last
    stable offset, None before the broker has said it.
    """

    topic: str
    start: int
    end: int
    stable: int | None
    records: Sequence[Raw]
