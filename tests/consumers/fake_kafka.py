"""A Kafka of one group in memory: logs with markers, offsets with metadata, generations, members that fall asleep."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from confluent_kafka import OFFSET_INVALID, KafkaError, KafkaException, TopicPartition

from tests.consumers.fake_record import Place, Record
from tests.consumers.process import Clock, Process

SESSION_S = 1.0
FETCHED = 3
"""Records that come at once, so that a life sees its partitions piece by piece."""

Turn = Callable[[Any, list[TopicPartition]], None]


@dataclass(slots=True)
class Cluster:
    """Logs by place: True for a record, False for a marker or an aborted one."""

    clock: Clock
    logs: dict[Place, list[bool]]
    committed: dict[Place, tuple[int, str]] = field(default_factory=dict)
    members: list["Member"] = field(default_factory=list)
    generation: int = 0
    turning_until_s: float | None = None

    def turn(self) -> None:
        """Ask all members to come for new partitions; who does not within the session is left out."""
        self.turning_until_s = self.clock.now_s + SESSION_S

    def share(self) -> None:
        """Give the partitions to the members that wait for them, once all do or time is up."""
        ready = [member for member in self.members if member.waits and not member.dead]
        if self.turning_until_s is None or not ready:
            return
        if ready != self.members and self.clock.now_s < self.turning_until_s:
            return
        self.members = ready
        self.generation, self.turning_until_s = self.generation + 1, None
        for number, member in enumerate(self.members):
            member.waits, member.generation = False, self.generation
            member.given = [place for n, place in enumerate(self.logs) if n % len(self.members) == number]

    def drop(self, member: "Member") -> None:
        """As after a session without heart-beats, or a proper leave."""
        if member in self.members:
            self.members.remove(member)
            self.turn()


class Member:
    """The part of confluent_kafka's `Consumer` that the sink uses."""

    def __init__(self, cluster: Cluster, process: Process) -> None:
        self._cluster, self._process = cluster, process
        self.waits, self.generation = False, -1
        self.given: list[Place] | None = None
        self._positions: dict[Place, int] = {}
        self._ended: set[Place] = set()
        self._paused: set[Place] = set()
        self._leaving = False

    @property
    def dead(self) -> bool:
        return self._process.dead

    def list_topics(self, timeout: float) -> SimpleNamespace:  # noqa: ARG002
        return SimpleNamespace(topics={topic: None for topic, _ in self._cluster.logs})

    def subscribe(self, topics: Sequence[str], *, on_assign: Turn, on_revoke: Turn, on_lost: Turn) -> None:  # noqa: ARG002
        self._on_assign, self._on_revoke, self._on_lost = on_assign, on_revoke, on_lost
        self._process.step("join", self._join)

    def _join(self) -> None:
        self._cluster.members.append(self)
        self._cluster.turn()
        self.waits = True

    def consume(self, most: int, timeout: float) -> list[Record]:
        found = self._process.step("poll", lambda: self._fetch(min(most, FETCHED)))
        if not found:
            self._cluster.clock.advance(timeout)
        self._turn()
        return found

    def _turn(self) -> None:
        cluster = self._cluster
        if self not in cluster.members:
            self._give_up(self._on_lost)
            self._join()
        elif cluster.turning_until_s is not None and not self.waits:
            self._give_up(self._on_revoke)
            self.waits = True
        cluster.share()
        if self.given is not None:
            given, self.given = self.given, None
            self._on_assign(self, [TopicPartition(*place) for place in given])

    def _give_up(self, told: Turn) -> None:
        held, self._positions = list(self._positions), {}
        if held:
            told(self, [TopicPartition(*place) for place in held])

    def _fetch(self, most: int) -> list[Record]:
        found: list[Record] = []
        for place in [each for each in self._positions if each not in self._paused]:
            log = self._cluster.logs[place]
            at_end = self._positions[place] == len(log)
            while len(found) < most and self._positions[place] < len(log):
                offset = self._positions[place]
                found.extend([Record(place, offset)] if log[offset] else [])
                self._positions[place] += 1
            if not at_end:
                self._ended.discard(place)
            elif place not in self._ended:
                self._ended.add(place)
                found.append(Record(place, len(log), KafkaError(KafkaError._PARTITION_EOF)))
        return found

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        self._positions = {(one.topic, one.partition): one.offset for one in partitions}
        self._ended, self._paused = set(), set()

    def committed(self, partitions: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:  # noqa: ARG002
        if self._leaving:
            raise KafkaException(KafkaError(KafkaError._DESTROY))
        return self._process.step("committed", lambda: [self._committed(one) for one in partitions])

    def _committed(self, one: TopicPartition) -> TopicPartition:
        offset, metadata = self._cluster.committed.get((one.topic, one.partition), (OFFSET_INVALID, ""))
        return TopicPartition(one.topic, one.partition, offset, metadata)

    def commit(self, offsets: Sequence[TopicPartition], asynchronous: bool) -> Sequence[TopicPartition]:  # noqa: ARG002
        kind = "commit intent" if any(one.metadata for one in offsets) else "commit position"
        self._process.step(kind, lambda: self._commit(offsets), torn=lambda: self._commit(offsets[:1]))
        return offsets

    def _commit(self, offsets: Sequence[TopicPartition]) -> None:
        if self not in self._cluster.members or self.generation != self._cluster.generation:
            raise KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION))
        for one in offsets:
            self._cluster.committed[one.topic, one.partition] = (one.offset, one.metadata or "")

    def get_watermark_offsets(self, one: TopicPartition, **_: object) -> tuple[int, int]:
        return 0, len(self._cluster.logs[one.topic, one.partition])

    def pause(self, partitions: Sequence[TopicPartition]) -> None:
        self._paused |= {(one.topic, one.partition) for one in partitions}

    def resume(self, partitions: Sequence[TopicPartition]) -> None:
        self._paused -= {(one.topic, one.partition) for one in partitions}

    def close(self) -> None:
        self._process.step("leave", self._leave)

    def _leave(self) -> None:
        """What the group gave meanwhile is still told, and can no longer be asked about."""
        self._leaving = True
        self._give_up(self._on_revoke)
        self._cluster.share()
        if self.given is not None:
            self._on_assign(self, [TopicPartition(*place) for place in self.given])
        self._cluster.drop(self)
