"""The stages of a pipeline in this process, one behind the other: what one passes on, the next folds at once."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.passed import Passed
from schemas.problem import Problem
from streams.limits import Tallies
from streams.passing import Passing
from streams.pipeline import Pipeline
from streams.plan import steps
from streams.runtime.bind import stage_of
from streams.runtime.partition import partition_of
from streams.stage import Emitted, Output, Record

ALSO_SAID_LATER = frozenset({"events.passed", "labels.passed", "waiting.unlabelled"})
"""Counts of a stage that stand for what the last one counts again."""


@dataclass(slots=True)
class Task:
    """One partition of one stage, and how many records have been passed on to it."""

    state: Any
    tallies: Tallies = field(default_factory=dict)
    came: int = 0


class Line:
    """Folds the partitions `numbers` of inputs that have so many `partitions`, each from the initial state.

    Where there are several stages the first ones take record by record, in the order that is given: that is the order
    in which the next ones read. Workers on several partitions read in the order in which records came to be written,
    which differs where one of them is ahead of another.
    """

    def __init__(self, name: str, pipeline: Pipeline, partitions: int, numbers: Sequence[int]) -> None:
        """`name` is what the pipeline is called in what is said of it."""
        way = steps(pipeline, partitions)
        self._name, self._pipeline, self._partitions = name, pipeline, partitions
        self._passing, self._topics = Passing(pipeline.compiled), pipeline.topics()
        self._names = [step.stage for step in way]
        self._stages = [stage_of(pipeline, way, step) for step in way]
        self._tasks = [
            {number: Task(stage.initial(number)) for number in (numbers if n == 0 else range(partitions))}
            for n, stage in enumerate(self._stages)
        ]

    def fold(self, records: Sequence[Record]) -> list[Emitted]:
        """What the last stage emits of these records, partition by partition. Raises `Problem` where one would stop."""
        last = len(self._stages) - 1
        for n in range(last):
            records = list(self._passed(n, records))
        if len(self._tasks[last]) == 1:
            (number,) = self._tasks[last]
            return self._fold(last, number, records)
        groups: dict[int, list[Record]] = {}
        for record in records:
            groups.setdefault(record.partition, []).append(record)
        return [each for number, group in groups.items() for each in self._fold(last, number, group)]

    def counts(self) -> Counter[str]:
        """What became of all records, each said by one stage."""
        told: Counter[str] = Counter()
        for n, tasks in enumerate(self._tasks):
            last = n == len(self._tasks) - 1
            for task in tasks.values():
                told["labels.held"] += task.state.held
                for name, many in task.state.counts.items():
                    if last or name not in ALSO_SAID_LATER:
                        told[name] += many
        return told

    def _passed(self, n: int, records: Sequence[Record]) -> Iterator[Record]:
        """What stage `n` passes on, as the next one reads it."""
        topic, tasks = self._topics.passed(self._pipeline.version, self._names[n + 1]), self._tasks[n + 1]
        for record in records:
            for each in self._fold(n, record.partition, [record]):
                if isinstance(each, Output) and isinstance(each.value, Passed):
                    number = partition_of(each.key, self._partitions)
                    value = self._passing.read(each.value.__dict__)
                    yield Record(value.role, topic, number, tasks[number].came, each.timestamp_ms, each.key, value)
                    tasks[number].came += 1

    def _fold(self, n: int, number: int, records: Sequence[Record]) -> list[Emitted]:
        task = self._tasks[n][number]
        emitted = self._stages[n].fold(task.state, records)
        stop = self._pipeline.limits.count(task.tallies, records, emitted)
        if stop is not None:
            raise Problem(f"{self._name}: a worker would stop here, and so does its backtest: {stop}")
        return emitted
