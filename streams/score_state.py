"""What scoring carries from record to record, and how it is saved."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.join import Join, JoinState
from streams.keyed_windows import WindowState
from streams.ladder import Belief
from streams.numbers import Numbers, read_numbers, write_numbers
from streams.pickled import pickled_model
from streams.pipeline import Pipeline
from streams.rows import Rows
from streams.stage import Saved

NUMBERS, MODEL = b"scalars", b"model"


@dataclass(slots=True)
class ScoreState:
    """All that scoring carries from record to record."""

    model: Any
    windows: Sequence[WindowState]
    counts: Counter[str] = field(default_factory=Counter)
    join: JoinState = field(default_factory=JoinState)
    belief: Belief = field(default_factory=Belief)
    watermark_ms: int = 0

    @property
    def learnt(self) -> int:
        """How many labels the model has learnt."""
        return self.belief.learnt

    @property
    def held(self) -> int:
        """How many labels wait for their event."""
        return len(self.join.held)


class Saving:
    """Numbers under `scalars`, the model under `model`; what windows and join save has keys of its own."""

    def __init__(self, pipeline: Pipeline, join: Join) -> None:
        self._pickled = pickled_model(pipeline.model(), pipeline.model.__module__)
        self._features = pipeline.compiled
        self._join = join

    def save(self, state: ScoreState) -> Saved:
        """Counts and times; the model; windows of keys, segments of events and held labels that have changed."""
        rows = state.join.rows
        numbers = Numbers(state.counts, state.belief, state.watermark_ms, rows.end, rows.forgotten_to, rows.horizon_ms)
        yield NUMBERS, write_numbers(numbers)
        yield MODEL, self._pickled.write(state.model)
        yield from self._features.save(state.windows)
        yield from self._join.save(state.join)

    def restore(self, values: Mapping[bytes, bytes]) -> ScoreState:
        """The state that was saved. Raises `Problem` where its model is none of ours."""
        numbers = read_numbers(values[NUMBERS])
        rows = Rows(numbers.rows_end, numbers.forgotten_to, numbers.horizon_ms)
        return ScoreState(
            model=self._pickled.read(values[MODEL]),
            counts=Counter(numbers.counts),
            windows=self._features.restore(values),
            join=self._join.restore(rows, values),
            belief=numbers.belief,
            watermark_ms=numbers.watermark_ms,
        )
