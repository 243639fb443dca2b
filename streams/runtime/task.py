"""A task: one stage on one partition number of all its inputs. It knows order and state, not Kafka."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from schemas.problem import Problem
from streams.limits import Limits, Tallies, Tally
from streams.parts import Parts
from streams.runtime.asked import Asked
from streams.runtime.codec import Encoder, Message, Source, decode
from streams.runtime.ledger import LedgerTopic, Work, hash_of
from streams.runtime.merge import Merge, MergeState
from streams.runtime.raw import Raw, Run
from streams.runtime.slices import Slices, at_once
from streams.stage import Record, Stage

GROUP_LIMIT = 4_000
"""Records folded between two commits at most: with 1,000, commits took half of what the broker does for a record."""

AT_ONCE = 1_000
"""Records folded at most before others have their turn."""

BUFFER_LIMIT = 10_000
"""Records buffered per input before its partition is paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A stage bound to its topics: inputs in merge order of their roles, encoders, and how many partitions."""

    stage: Stage[Any]
    pipeline: str
    version: int
    digest: str
    parts: Parts
    group: str
    transactional_id: str
    sources: Sequence[Source]
    encoder: Encoder
    ledger: LedgerTopic
    state_topic: str
    partitions: int
    limits: Limits
    asked: Asked | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(source.topic for source in self.sources)


class Stopped(Problem):
    """A partition does not go on until a person has mended what is wrong with it."""


class Group(NamedTuple):
    """What one fold gave: the messages, and what the ledger is to say of them."""

    messages: Sequence[Message]
    work: Work


class Standing(NamedTuple):
    """What is compared before and after a fold."""

    counts: Counter[str]
    held: int
    disordered: int


class TaskState(msgspec.Struct):
    """What a task carries beside the state of its stage and its positions."""

    merge: MergeState
    tallies: dict[str, Tally]


_READER = msgspec.json.Decoder(TaskState)
"""Made for what making it does: msgspec looks at a class the first time that it reads one, and two threads that do so
at once, as for two partitions that are taken, end the process (0.22)."""


class Task:
    """Buffers, merges and folds the inputs of one partition; its state is a function of what it has folded."""

    def __init__(self, binding: Binding, partition: int, positions: Mapping[str, int]) -> None:
        self.binding = binding
        self.partition = partition
        self.merge = Merge(binding.topics, [positions[topic] for topic in binding.topics])
        self.state = binding.stage.initial(partition)
        self.tallies: Tallies = {}
        self._done = dict(positions)
        self._stopped: Stopped | None = None

    def saved(self) -> dict[str, Any]:
        """What a task carries, for its checkpoint, in plain values; the state of its stage is saved by the stage."""
        plain: dict[str, Any] = msgspec.to_builtins(TaskState(self.merge.saved(), self.tallies))
        return plain

    def restore(self, saved: Mapping[str, Any], values: Mapping[bytes, bytes]) -> None:
        """Go on from a checkpoint."""
        state = msgspec.convert(saved, TaskState)
        self.merge.restore(state.merge)
        self.tallies = state.tallies
        self.state = self.binding.stage.restore(self.partition, values)

    @property
    def counts(self) -> Counter[str]:
        """What became of the records folded so far."""
        counts: Counter[str] = self.state.counts
        return counts

    @property
    def positions(self) -> dict[str, int]:
        """Per input topic the position behind what has been folded."""
        return {topic: buffered.folded for topic, buffered in self.merge.inputs.items()}

    @property
    def queued(self) -> int:
        """How many records are buffered."""
        return sum(len(buffered.records) for buffered in self.merge.inputs.values())

    @property
    def in_a_row(self) -> int:
        """How many records of one input have just been rejected in a row."""
        return max((tally.in_a_row for tally in self.tallies.values()), default=0)

    def deliver(self, run: Run) -> bool:
        """Buffer what a fetch gave; False where there is a gap before it."""
        return self.merge.deliver(run)

    def full(self, topic: str) -> bool:
        """Whether no more of this input should be fetched for now."""
        return len(self.merge.inputs[topic].records) >= BUFFER_LIMIT

    def step(self, limit: int = GROUP_LIMIT, *, again: bool = False) -> Group | None:
        """Fold up to `limit` records, all that is queued and can be ordered; None where there is nothing.

        Raises as `steps` does.
        """
        return at_once(self.steps(limit, limit, again=again))

    def steps(self, limit: int, size: int, *, again: bool = False) -> Slices[Group | None]:
        """Such a step in slices of `size` records; what is delivered in between is for the next step.

        Raises `Stopped` where a limit is met or the stage cannot go on, and at every step after that: nothing behind
        the last group may be committed. What is folded `again` has passed the limits of its day.
        """
        if self._stopped is not None:
            raise self._stopped
        before = self._standing()
        taken = self.merge.take(limit)
        if not taken:
            return None
        messages: list[Message] = []
        roles: Counter[str] = Counter()
        for start in range(0, len(taken), size):
            if start:
                yield
            messages += self._fold(taken[start : start + size], roles, again=again)
        return Group(messages, self._work(roles, before, messages))

    def _fold(self, taken: Sequence[tuple[int, Raw]], roles: Counter[str], *, again: bool) -> list[Message]:
        records = self._decode(taken)
        roles.update(record.role for record in records)
        try:
            emitted = self.binding.stage.fold(self.state, records)
        except Problem as problem:
            self._stopped = Stopped(str(problem))
            raise self._stopped from problem
        stop = self.binding.limits.count(self.tallies, records, emitted)
        if stop is not None and not again:
            self._stopped = Stopped(f"{self.binding.stage.name} stops: {stop}")
            raise self._stopped
        return self.binding.encoder.encode(emitted, [raw for _, raw in taken])

    def nothing(self) -> Work:
        """What the ledger says of an entry that folds nothing."""
        return self._work(Counter(), self._standing(), ())

    def _standing(self) -> Standing:
        return Standing(Counter(self.counts), getattr(self.state, "held", 0), self.merge.disordered)

    def _work(self, roles: Counter[str], before: Standing, messages: Sequence[Message]) -> Work:
        starts, self._done = self._done, self.positions
        counts = {n: count - before.counts[n] for n, count in self.counts.items() if count != before.counts[n]}
        learnt = getattr(self.state, "learnt", None)
        now = self._standing()
        return Work(
            starts=starts,
            ends=self._done,
            records=roles.total(),
            roles={role.value: roles[role] for source in self.binding.sources for role in source.roles},
            held=now.held - before.held,
            disordered=now.disordered - before.disordered,
            counts=counts,
            event_time_ms=getattr(self.state, "watermark_ms", 0),
            model_id=None if learnt is None else f"{self.binding.digest}/{learnt}",
            outputs=len(messages),
            output_hash=hash_of(messages),
        )

    def _decode(self, taken: Sequence[tuple[int, Raw]]) -> list[Record]:
        sources, partitions = self.binding.sources, self.binding.partitions
        return [decode(sources[rank], raw, partitions) for rank, raw in taken]
