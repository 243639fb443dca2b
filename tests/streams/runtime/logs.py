"""Records and runs as a fetch gives them, for tests of what stands between Kafka and a fold."""

from collections.abc import Sequence
from typing import NamedTuple

from streams.runtime.raw import Run


class Stored(NamedTuple):
    """One record of a log."""

    topic: str
    offset: int
    timestamp: int
    key: bytes | None = None
    value: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int = 0


def whole(topic: str, records: Sequence[Stored]) -> Run:
    """All of a log in one run, read to its end."""
    end = records[-1].offset + 1 if records else 0
    return Run(topic, 0, end, end, records)
