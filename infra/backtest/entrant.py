"""A pipeline that takes part: the fold that a worker runs, with nothing of a worker around it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from infra.backtest.trace import Classes, Trace
from schemas.problem import Problem
from streams.limits import Tallies
from streams.pipeline import Pipeline
from streams.score import ScoreStage
from streams.score_state import ScoreState
from streams.stage import Record

_BINARY: Classes = {"false": 0, "true": 1}


@dataclass(frozen=True, slots=True)
class Task:
    """One partition under way."""

    state: ScoreState
    tallies: Tallies
    trace: Trace


class Entrant:
    """Folds partitions, each from the initial state as a worker does, and keeps what that gives."""

    def __init__(self, name: str, pipeline: Pipeline) -> None:
        """`name` is what it is called in what is said of it."""
        self.name = name
        self.pipeline = pipeline
        self.traces: list[Trace] = []
        self.counts: Counter[str] = Counter()
        self._stage = ScoreStage(pipeline)
        self._classes: Classes = dict(_BINARY) if pipeline.task == "binary" else {}
        self._tasks: dict[int, Task] = {}

    def begin(self, partition: int) -> None:
        """Begin with this partition."""
        trace = Trace(partition, self._classes)
        self._tasks[partition] = Task(self._stage.initial(partition), {}, trace)
        self.traces.append(trace)

    def fold(self, partition: int, records: Sequence[Record]) -> None:
        """Fold its next records. Raises `Problem` where a worker would stop the partition."""
        task = self._tasks[partition]
        emitted = self._stage.fold(task.state, records)
        stop = self.pipeline.limits.count(task.tallies, records, emitted)
        if stop is not None:
            raise Problem(f"{self.name}: a worker would stop here, and so does its backtest: {stop}")
        task.trace.take(emitted)

    def end(self, partition: int) -> None:
        """The partition has ended."""
        state = self._tasks.pop(partition).state
        self.counts += state.counts
        self.counts["labels.held"] += state.held
