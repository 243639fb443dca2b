"""What the topics hold of one task's outputs, record by record, beside what folding again gives."""

from collections import Counter, deque
from collections.abc import Iterator
from itertools import chain
from typing import Protocol

from schemas.alert import Alert
from schemas.reject import HEADER_PARTITION, HEADER_STAGE
from streams.runtime.codec import Headers, Message
from streams.runtime.ports import Kafka
from streams.runtime.raw import Raw
from streams.runtime.task import Binding

NEAR = 100
"""Among so many of the next records an output is looked for."""

Bytes = tuple[bytes | None, bytes | None, int, Headers]


class Stored(Protocol):
    """One output topic."""

    gone: int
    """How many outputs the topic no longer reaches back to."""

    def compare(self, message: Message) -> str | None:
        """How the topic differs from having this output next; None where it does not."""

    def skip(self, many: int) -> None:
        """Pass over so many outputs of which it is known that they are others."""

    def rest(self) -> str | None:
        """What stands there behind the last output; None where nothing does."""


class Alone:
    """A topic, or the part of it, that only this stage writes: each record must be the next output."""

    def __init__(self, topic: str, records: Iterator[Raw], *, from_start: bool) -> None:
        self.gone = 0
        self._topic, self._records, self._met = topic, records, from_start
        self._ahead: deque[Raw] = deque()

    def compare(self, message: Message) -> str | None:
        """An output that is not there, or records that stand before it and are none."""
        wanted = message[1:5]
        for place in range(NEAR):
            record = self._peek(place)
            if record is None:
                break
            if _of(record) == wanted:
                return self._pass(place)
        if self._met:
            return f"{self._topic} lacks one of its outputs"
        self.gone += 1
        return None

    def skip(self, many: int) -> None:
        for _ in range(many if self._met else 0):
            if self._peek(0) is not None:
                self._ahead.popleft()

    def rest(self) -> str | None:
        record = self._peek(0)
        return None if record is None else f"{self._topic}@{record.offset} is the output of no entry"

    def _pass(self, strays: int) -> str | None:
        self._met = True
        first = self._ahead[0].offset
        for _ in range(strays + 1):
            self._ahead.popleft()
        return f"{self._topic}@{first}, before one of its outputs, is the output of no entry" if strays else None

    def _peek(self, place: int) -> Raw | None:
        while len(self._ahead) <= place:
            record = next(self._records, None)
            if record is None:
                return None
            self._ahead.append(record)
        return self._ahead[place]


class Shared:
    """A topic that others write too: each output must be among its records. Of these only a hash is kept."""

    def __init__(self, topic: str, records: Iterator[Raw], *, from_start: bool) -> None:
        self.gone = 0
        self._topic, self._from_start = topic, from_start
        self._left = Counter(_hash(_of(record)) for record in records)

    def compare(self, message: Message) -> str | None:
        """An output that is not there."""
        wanted = _hash(message[1:5])
        if self._left[wanted]:
            self._left[wanted] -= 1
            return None
        if self._from_start:
            return f"{self._topic} lacks one of its outputs"
        self.gone += 1
        return None

    def skip(self, many: int) -> None:
        """Nothing to be passed over: there is no order."""

    def rest(self) -> str | None:
        """What is left may be somebody else's."""
        return None


def stored(kafka: Kafka, binding: Binding, partition: int, *, alone: bool) -> dict[str, Stored]:
    """Every topic that the stage writes, as it is now, in one partition; `alone`: no other version writes them.

    Of what lies by its key all partitions are read: other tasks write them too.
    """
    encoder = binding.encoder

    def records(topic: str, partition: int, low: int) -> Iterator[Raw]:
        for run in kafka.read(topic, partition, low):
            yield from run.records

    def ours(read: Iterator[Raw]) -> Iterator[Raw]:
        """What this task has rejected."""
        wanted = {HEADER_STAGE: binding.stage.name.encode()}
        if encoder.anew is not None:
            wanted[HEADER_PARTITION] = b"%d" % partition  # tasks of several partitions write to one of `rejected`
        return (each for each in read if wanted.items() <= dict(each.headers).items())

    there = partition if encoder.anew is None else partition % encoder.anew.partitions
    outputs = [(last, each[0], encoder.rekeyed.get(last)) for last, each in encoder.values.items()]
    outputs += [] if encoder.anew is None else [("rekeyed", *encoder.anew)]
    found: dict[str, Stored] = {}
    for last, topic, spread in [*outputs, ("", encoder.rejected, None)]:
        lows = {place: kafka.bounds(topic, place)[0] for place in ([there] if spread is None else range(spread))}
        kind = Alone if alone and spread is None and last != Alert.TOPIC else Shared
        read = chain(*(records(topic, *each) for each in lows.items()))
        found[topic] = kind(topic, read if last else ours(read), from_start=not any(lows.values()))
    return found


def _of(record: Raw) -> Bytes:
    return record.key, record.value, record.timestamp, list(record.headers)


def _hash(told: Bytes) -> int:
    return hash((*told[:3], *told[3]))
