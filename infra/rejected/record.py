"""One rejected record: where it stands, where it stood and why it left; and the headers with which it comes back."""

from collections.abc import Sequence
from typing import NamedTuple

from schemas.reject import (
    HEADER_MESSAGE,
    HEADER_OFFSET,
    HEADER_PARTITION,
    HEADER_PREFIX,
    HEADER_REASON,
    HEADER_REPLAY_ID,
    HEADER_STAGE,
    HEADER_TIMESTAMP_MS,
    HEADER_TOPIC,
)
from schemas.rekeyed import HEADER_FROM

Headers = Sequence[tuple[str, bytes | None]]
NEEDED = (HEADER_TOPIC, HEADER_PARTITION, HEADER_OFFSET, HEADER_REASON)
MOST_DIGITS = 19
"""As many as an offset has, at most."""

UNKNOWN = "unknown"
"""The reason of a record that no stage of ours has rejected."""


class Origin(NamedTuple):
    """Where a rejected record stood, which stage refused it, and why; and its Kafka time, as the headers have it."""

    topic: str
    partition: int
    offset: int
    stage: str
    reason: str
    message: str
    timestamp_ms: str = ""


class Rejected(NamedTuple):
    """A record of `rejected`. `origin` is None where its headers do not say it: it is not ours."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    origin: Origin | None

    @property
    def place(self) -> tuple[int, int]:
        """Partition and offset in `rejected`."""
        return self.partition, self.offset

    @property
    def rekeyed_from(self) -> str | None:
        """Where it stood before a stage keyed it anew, if one did."""
        told = [value for name, value in self.headers if name == HEADER_FROM and value is not None]
        return told[-1].decode(errors="replace") if told else None

    @property
    def reason(self) -> str:
        return self.origin.reason if self.origin is not None else UNKNOWN


def origin_of(headers: Headers) -> Origin | None:
    """What the headers say. Of a name that comes twice the last counts: a stage adds its own behind what came.

    >>> origin_of([("millrace.error.topic", b"payments.events")]) is None
    True
    """
    told = {name: (value or b"").decode(errors="replace") for name, value in headers if name.startswith(HEADER_PREFIX)}
    if any(name not in told for name in NEEDED):
        return None
    partition, offset = told[HEADER_PARTITION], told[HEADER_OFFSET]
    if not all(each.isdecimal() and len(each) <= MOST_DIGITS for each in (partition, offset)):
        return None
    stage, message = told.get(HEADER_STAGE, ""), told.get(HEADER_MESSAGE, "")
    time_ms = told.get(HEADER_TIMESTAMP_MS, "")
    return Origin(told[HEADER_TOPIC], int(partition), int(offset), stage, told[HEADER_REASON], message, time_ms)


def headers_again(rejected: Rejected, replay_id: str) -> list[tuple[str, bytes | None]]:
    """The headers that the record came with, and its replay id in place of one from an earlier time."""
    kept = [
        (name, value)
        for name, value in rejected.headers
        if not name.startswith(HEADER_PREFIX) and name != HEADER_REPLAY_ID
    ]
    return [*kept, (HEADER_REPLAY_ID, replay_id.encode())]
