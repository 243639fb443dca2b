"""Times a run by its commits, through the port that the task commits by; stops the process behind the last one."""

import os
import signal
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from streams.runtime.ports import Facts, Kafka, Mark, Transactions
from streams.runtime.raw import Run


class Lap(msgspec.Struct, frozen=True):
    """When a commit returned: seconds of wall and of this process's CPU time, how many records lay behind it, and how
    long sending and committing them took."""

    wall_s: float
    cpu_s: float
    records: int
    commit_s: float


@dataclass(slots=True)
class Stopwatch:
    """Laps of one task. After the positions `until`, per input topic, the process is asked to end."""

    until: Mapping[str, int]
    laps: list[Lap] = field(default_factory=list)

    def committed(self, marks: Mapping[str, Mark], begun_s: float) -> None:
        """A commit has returned."""
        done = {topic: marks[topic].offset for topic in self.until}
        now_s = time.perf_counter()
        self.laps.append(Lap(now_s, time.process_time(), sum(done.values()), now_s - begun_s))
        if all(done[topic] >= end for topic, end in self.until.items()):
            os.kill(os.getpid(), signal.SIGTERM)


class Timed:
    """`transactions`, with a lap at each commit."""

    def __init__(self, transactions: Transactions, stopwatch: Stopwatch) -> None:
        self._transactions, self._stopwatch = transactions, stopwatch
        self._marks: Mapping[str, Mark] = {}
        self._begun_s = 0.0
        self.abort, self.close = transactions.abort, transactions.close
        self.produce = transactions.produce  # not wrapped: it is called for every message

    def begin(self) -> None:
        """Open a transaction."""
        self._begun_s = time.perf_counter()
        self._transactions.begin()

    def send_offsets(self, marks: Mapping[str, Mark]) -> None:
        """Remember the positions."""
        self._marks = marks
        self._transactions.send_offsets(marks)

    def commit(self) -> None:
        """Commit, and take the time."""
        self._transactions.commit()
        self._stopwatch.committed(self._marks, self._begun_s)


@dataclass(frozen=True, slots=True)
class TimedKafka:
    """`kafka`, with a stopwatch at its transactions."""

    kafka: Kafka
    stopwatch: Stopwatch

    def transactions(self, transactional_id: str, group: str, partition: int) -> Transactions:
        return Timed(self.kafka.transactions(transactional_id, group, partition), self.stopwatch)

    def committed(self, group: str, topics: Collection[str], partition: int) -> dict[str, Mark | None]:
        return self.kafka.committed(group, topics, partition)

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        return self.kafka.bounds(topic, partition)

    def since(self, topic: str, partition: int, time_ms: int) -> int:
        return self.kafka.since(topic, partition, time_ms)

    def read(self, topic: str, partition: int, start: int, end: int | None = None) -> Iterator[Run]:
        return self.kafka.read(topic, partition, start, end)

    def describe(self, topics: Collection[str]) -> dict[str, Facts]:
        return self.kafka.describe(topics)
