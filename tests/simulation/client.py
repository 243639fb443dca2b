"""The ports of a task on the log in memory: what a worker sees of Kafka, with the faults of a plan."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from schemas.problem import Problem
from streams.runtime.codec import Message
from streams.runtime.ports import Facts, Mark, Unknown
from streams.runtime.raw import Run
from tests.simulation.faults import Effect, Fault, Plan
from tests.simulation.log import Log
from tests.streams.runtime.logs import Stored


@dataclass(frozen=True)
class Producer:
    """`ports.Transactions` of one producer epoch."""

    log: Log
    plan: Plan
    id: str
    epoch: int
    group: str
    partition: int

    def begin(self) -> None:
        fault = self._before("begin")
        self.log.begin(self.id, self.epoch)
        self.plan.after(fault)

    def produce(self, message: Message) -> None:
        fault = self._before(f"produce {self.log.topics[message.topic].what}")
        topic, key, value, timestamp_ms, headers, partition = message
        at = self.partition if partition is None else partition
        record = Stored(topic, -1, timestamp_ms, key, value, headers, at)
        self.log.write(self.id, self.epoch, record)
        self.plan.after(fault)

    def send_offsets(self, marks: Mapping[str, Mark]) -> None:
        fault = self._before("offsets")
        self.log.add_offsets(self.id, self.epoch, self.group, self.partition, marks)
        self.plan.after(fault)

    def commit(self) -> None:
        fault = self._before("commit")
        if fault is not None and fault.effect is Effect.UNKNOWN_LATE:
            self.log.decide(self.id, self.epoch)
            raise Unknown(str(fault))
        self.log.commit(self.id, self.epoch)
        self.plan.after(fault)

    def abort(self) -> None:
        fault = self._before("abort")
        self.log.abort(self.id, self.epoch)
        self.plan.after(fault)

    def close(self) -> None:
        """Abort what is open, unless the process is dead. No step."""
        if not self.plan.dead and self.log.is_open(self.id, self.epoch):
            self.log.abort(self.id, self.epoch)

    def _before(self, kind: str) -> Fault | None:
        """Count the step. Where its transaction has timed out, the step finds the producer fenced."""
        fault = self.plan.before(kind)
        if fault is not None and fault.effect is Effect.TIMED_OUT:
            self.log.time_out(self.id)
        return fault


@dataclass(frozen=True)
class Client:
    """`ports.Kafka`, all reads read_committed. Runs of a read are `chunk` offsets long at most."""

    log: Log
    plan: Plan
    chunk: int = 50

    def transactions(self, transactional_id: str, group: str, partition: int) -> Producer:
        fault = self.plan.before("transactions")
        epoch = self.log.join(transactional_id)
        self.plan.after(fault)
        return Producer(self.log, self.plan, transactional_id, epoch, group, partition)

    def committed(self, group: str, topics: Collection[str], partition: int) -> dict[str, Mark | None]:
        fault = self.plan.before("committed")
        found = {topic: self.log.offsets.get((group, topic, partition)) for topic in topics}
        self.plan.after(fault)
        return found

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        fault = self.plan.before("bounds")
        found = self.log.partition(topic, partition)
        self.plan.after(fault)
        return found.low, found.high

    def since(self, topic: str, partition: int, time_ms: int) -> int:
        fault = self.plan.before("since")
        found = self.log.partition(topic, partition)
        later = (each.offset for each in found.read(found.low, found.high) if each.timestamp >= time_ms)
        self.plan.after(fault)
        return next(later, found.high)

    def read(self, topic: str, partition: int, start: int, end: int | None = None) -> Iterator[Run]:
        fault = self.plan.before(f"read {self.log.topics[topic].what}")
        found = self.log.partition(topic, partition)
        stop = found.stable if end is None else end
        if start < found.low and start < stop:
            raise Problem(f"{topic}/{partition} begins at {found.low}, not at {start}")
        if end is not None and end > found.stable:
            raise Problem(f"{topic}/{partition} falls silent at {found.stable}, before {end}")
        for at in range(start, stop, self.chunk):
            until = min(at + self.chunk, stop)
            yield Run(topic, at, until, found.stable, found.read(at, until))
        if start >= stop:
            yield Run(topic, start, start, found.stable, [])
        self.plan.after(fault)

    def describe(self, topics: Collection[str]) -> dict[str, Facts]:
        fault = self.plan.before("describe")
        found = {topic: self.log.facts(topic) for topic in topics}
        self.plan.after(fault)
        return found
