"""A pipeline that takes part: the folds that its workers run, with nothing of a worker around them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.backtest.line import Line
from infra.backtest.trace import Classes, Trace
from schemas.outcome import Outcome
from schemas.scored import Scored
from streams.pipeline import Pipeline
from streams.stage import Emitted, Output, Record

_BINARY: Classes = {"false": 0, "true": 1}


@dataclass(frozen=True, slots=True)
class UnderWay:
    """Partitions that are folded together, and what was said of the events of each."""

    line: Line
    traces: Mapping[int, Trace]


class Entrant:
    """Folds the parts of a log, each from the initial state as a worker does, and keeps what that gives."""

    def __init__(self, name: str, pipeline: Pipeline) -> None:
        """`name` is what it is called in what is said of it."""
        self.name = name
        self.pipeline = pipeline
        self.traces: list[Trace] = []
        self.counts: Counter[str] = Counter()
        self._classes: Classes = dict(_BINARY) if pipeline.task == "binary" else {}
        self._parts: dict[int, UnderWay] = {}

    def begin(self, part: int, partitions: int, numbers: Sequence[int]) -> None:
        """Begin with a part: these partitions, of so many."""
        traces = {number: Trace(number, self._classes) for number in numbers}
        self._parts[part] = UnderWay(Line(self.name, self.pipeline, partitions, numbers), traces)
        self.traces += traces.values()

    def fold(self, part: int, records: Sequence[Record]) -> None:
        """Fold its next records. Raises `Problem` where a worker would stop the partition."""
        under_way = self._parts[part]
        emitted = under_way.line.fold(records)
        if len(under_way.traces) == 1:
            (trace,) = under_way.traces.values()
            trace.take(emitted)
        else:
            _take(under_way.traces, emitted)

    def end(self, part: int) -> None:
        """The part has ended."""
        self.counts += self._parts.pop(part).line.counts()


def _take(traces: Mapping[int, Trace], emitted: Sequence[Emitted]) -> None:
    """Note what was emitted by the partition of the inputs that it is about."""
    for each in emitted:
        if isinstance(each, Output) and isinstance(each.value, Scored | Outcome):
            traces[each.value.source_partition].take([each])
