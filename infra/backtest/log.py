"""A log to fold: its inputs, and its partitions, each of which feeds a merge until nothing is left."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from streams.runtime.codec import Source
from streams.runtime.merge import Merge
from streams.runtime.raw import Run


class Row(NamedTuple):
    """A record that comes from a file; a `Raw` whose value need be no bytes, as its source knows."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: Any
    headers: Sequence[tuple[str, bytes]] = ()


class Feed(Protocol):
    """What is read of one partition of all inputs."""

    def feed(self, merge: Merge) -> bool:
        """Deliver to `merge` some of what it has not yet been given; False where there is nothing more."""


class Pulled:
    """Inputs that are read apart from each other: one is read on where nothing of it is buffered."""

    def __init__(self, runs: Mapping[str, Iterator[Run]]) -> None:
        self._runs = dict(runs)

    def feed(self, merge: Merge) -> bool:
        delivered = False
        for topic, runs in list(self._runs.items()):
            if merge.inputs[topic].records:
                continue
            run = next(runs, None)
            if run is None:
                del self._runs[topic]
            else:
                merge.deliver(run)
                delivered = True
        return delivered


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Partitions that are folded together: where each input of them begins, by its rank, and what reads it."""

    numbers: Sequence[int]
    positions: Mapping[str, int]
    feed: Feed

    def merge(self) -> Merge:
        """What orders its records, with nothing taken yet."""
        return Merge(list(self.positions), list(self.positions.values()))


More = Callable[[int, Mapping[str, int]], Feed | None]
"""What has come of a part, by its place among them, behind these positions of its inputs; None where nothing has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The inputs of each part by rank, in the order of their roles, how many partitions there are, and the parts, to be
    folded one by one.

    `records`: about how many there are in all. `place` names it for a person; `remarks` are what he should know of it.
    `more` is how a log that goes on is read on.
    """

    sources: Sequence[Source]
    partitions: int
    parts: Iterable[Part]
    records: int
    place: str
    remarks: Sequence[str] = ()
    more: More | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        """What is read, labels before events."""
        return tuple(dict.fromkeys(source.topic for source in self.sources))
