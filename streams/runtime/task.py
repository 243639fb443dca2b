"""A task: one stage on one partition number of all its inputs. It knows order and state, not Kafka."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.problem import Problem
from streams.limits import Limits, Tallies
from streams.runtime.codec import Encoder, Message, Source, decode
from streams.runtime.merge import Merge
from streams.runtime.raw import Raw, Run
from streams.stage import Record, Stage

GROUP_LIMIT = 1_000
"""Records folded between two commits at most."""

BUFFER_LIMIT = 5_000
"""Records buffered per input before its partition is paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A stage bound to its topics: inputs in merge order of their roles, encoders, and how many partitions."""

    stage: Stage[Any]
    group: str
    transactional_id: str
    sources: Sequence[Source]
    encoder: Encoder
    partitions: int
    limits: Limits

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(source.topic for source in self.sources)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one commit makes final: the messages and, per input topic, the position behind what was folded.

    `counts` says what became of all records up to there.
    """

    messages: Sequence[Message]
    positions: Mapping[str, int]
    records: int
    counts: Mapping[str, int]


class Task:
    """Buffers, merges and folds the inputs of one partition; its state is a function of what it has folded."""

    def __init__(self, binding: Binding, partition: int, positions: Mapping[str, int]) -> None:
        self.binding = binding
        self.partition = partition
        self.merge = Merge(binding.topics, [positions[topic] for topic in binding.topics])
        self.state = binding.stage.initial(partition)
        self.tallies: Tallies = {}
        self._stopped: Problem | None = None
        self.seq = 0

    @property
    def counts(self) -> Counter[str]:
        """What became of the records folded so far."""
        counts: Counter[str] = self.state.counts
        return counts

    @property
    def positions(self) -> dict[str, int]:
        """Per input topic the position behind what has been folded."""
        return {topic: buffered.folded for topic, buffered in self.merge.inputs.items()}

    def deliver(self, run: Run) -> bool:
        """Buffer what a fetch gave; False where there is a gap before it."""
        return self.merge.deliver(run)

    def full(self, topic: str) -> bool:
        """Whether no more of this input should be fetched for now."""
        return len(self.merge.inputs[topic].records) >= BUFFER_LIMIT

    def step(self, limit: int = GROUP_LIMIT) -> Group | None:
        """Fold up to `limit` records, all that is queued and can be ordered; None where there is nothing.

        Raises `Problem` where so many were rejected that the partition stops, and at every step after that: nothing
        behind the last group may be committed.
        """
        if self._stopped is not None:
            raise self._stopped
        taken = self.merge.take(limit)
        if not taken:
            return None
        records = self._decode(taken)
        emitted = self.binding.stage.fold(self.state, records)
        stop = self.binding.limits.count(self.tallies, records, emitted)
        if stop is not None:
            self._stopped = Problem(f"{self.binding.stage.name} stops: {stop}")
            raise self._stopped
        self.seq += 1
        messages = self.binding.encoder.encode(emitted, [raw for _, raw in taken])
        return Group(messages=messages, positions=self.positions, records=len(taken), counts=dict(self.counts))

    def refold(self, limit: int = GROUP_LIMIT) -> int:
        """Fold what was committed before, without giving anything; how many records."""
        taken = self.merge.take(limit)
        records = self._decode(taken)
        emitted = self.binding.stage.fold(self.state, records)
        self.binding.limits.count(self.tallies, records, emitted)  # what is committed has passed the limits of its day
        return len(taken)

    def require(self, counts: Mapping[str, int]) -> None:
        """Raise `Problem` where folding the log again had other results than `counts`, which were committed."""
        found = self.counts
        differ = sorted(name for name in {*found, *counts} if found[name] != counts.get(name, 0))
        if differ:
            told = ", ".join(f"{found[name]} {name} instead of {counts.get(name, 0)}" for name in differ)
            raise Problem(
                f"the state of {self.binding.stage.name}, partition {self.partition}, cannot be rebuilt: its log "
                f"folded again gives {told}; point MILLRACE_SCHEMA_REGISTRY_URL at the registry that has the records' "
                f"schemas, or, where code has changed, start a new version of the pipeline"
            )

    def _decode(self, taken: Sequence[tuple[int, Raw]]) -> list[Record]:
        sources, partitions = self.binding.sources, self.binding.partitions
        return [decode(sources[rank], raw, partitions) for rank, raw in taken]
