"""The vector of an event that other stages have found a part of."""

from collections.abc import Sequence

from schemas.reject import Reject
from streams.keyed_windows import WindowState
from streams.passing import PassedEvent
from streams.pipeline import Pipeline
from streams.plan import Step, declared, held


class Assembly:
    """Adds what the `windows` of the last step of a `way` find to what came with the event.

    `alone`: there is no step before it.
    """

    def __init__(self, pipeline: Pipeline, way: Sequence[Step]) -> None:
        self.alone, self.windows = way[-1].first, held(pipeline.compiled, way[-1])
        self._features = pipeline.compiled
        self._declared = declared(pipeline.compiled, way)

    def vector(self, states: Sequence[WindowState], passed: PassedEvent) -> list[float]:
        """The features in their order. Raises `Reject`, and leaves `states` as they were, as `Features.vector` does."""
        facts, read, before, _ = passed
        keys, time_ms = facts.keys, facts.time_ms
        found = before + self.windows.found(states, read, keys, time_ms)
        if self._declared is not None:
            found = [found[place] for place in self._declared]
        try:
            return self._features.compose(read.plain, found)
        except Reject:
            self.windows.take_back(states, read, keys, time_ms)
            raise
