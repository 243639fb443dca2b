"""A pipeline that takes part: the fold that a worker runs, with nothing of a worker around it."""

from collections import Counter
from collections.abc import Sequence

from infra.backtest.trace import Classes, Trace
from schemas.problem import Problem
from streams.limits import Tallies
from streams.pipeline import Pipeline
from streams.score import ScoreStage
from streams.score_state import ScoreState
from streams.stage import Record

_BINARY: Classes = {"false": 0, "true": 1}


class Entrant:
    """Folds partition after partition, each from the initial state as a worker does, and keeps what that gives."""

    def __init__(self, name: str, pipeline: Pipeline) -> None:
        """`name` is what it is called in what is said of it."""
        self.name = name
        self.pipeline = pipeline
        self.traces: list[Trace] = []
        self.counts: Counter[str] = Counter()
        self._stage = ScoreStage(pipeline)
        self._classes: Classes = dict(_BINARY) if pipeline.task == "binary" else {}
        self._state: ScoreState
        self._tallies: Tallies
        self._trace: Trace

    def begin(self, partition: int) -> None:
        """Begin with this partition."""
        self._state, self._tallies = self._stage.initial(partition), {}
        self._trace = Trace(partition, self._classes)
        self.traces.append(self._trace)

    def fold(self, records: Sequence[Record]) -> None:
        """Fold the next records. Raises `Problem` where a worker would stop its partition."""
        emitted = self._stage.fold(self._state, records)
        stop = self.pipeline.limits.count(self._tallies, records, emitted)
        if stop is not None:
            raise Problem(f"{self.name}: a worker would stop here, and so does its backtest: {stop}")
        self._trace.take(emitted)

    def end(self) -> None:
        """The partition has ended."""
        self.counts += self._state.counts
        self.counts["labels.held"] += self._state.held
