"""What becomes of an event before anything is made of it: refused, skipped, known already, or admitted."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from streams.facts import Facts, ahead, facts_of
from streams.join import Join, JoinState
from streams.keyed_groups import Groups
from streams.keyed_windows import WindowState
from streams.pipeline import Pipeline
from streams.stage import Record


class Remembering(Protocol):
    """A state that remembers events and their windows."""

    windows: Sequence[WindowState]
    counts: Counter[str]
    join: JoinState
    watermark_ms: int


def join_of(pipeline: Pipeline) -> Join:
    """How events and labels of a definition meet."""
    horizon_ms = pipeline.labels.horizon_ms if pipeline.labels is not None else 0
    return Join(
        horizon_ms=horizon_ms,
        remember_ms=pipeline.remember_ms,
        most=pipeline.limits.remembered,
        revised=pipeline.revised,
    )


class Admission:
    """The rules of a definition for events as they come, and what the time of each lets a state forget."""

    def __init__(self, pipeline: Pipeline, join: Join, windows: Groups) -> None:
        self._pipeline, self._join, self._windows = pipeline, join, windows
        self._facts: Callable[[Any], Facts] = facts_of(pipeline)

    def admit(self, state: Remembering, record: Record) -> Facts | None:
        """What identifies the event; None where it is only counted. Raises `Reject` where it is too far ahead."""
        pipeline = self._pipeline
        facts = self._facts(record.value)
        time_ms = facts.time_ms
        if time_ms > record.timestamp_ms + pipeline.ahead_ms:
            raise ahead(pipeline.time, time_ms, record.timestamp_ms)
        late = time_ms < state.watermark_ms - pipeline.lateness_ms
        self.advance(state, time_ms)
        if self._join.seen(state.join, facts.id):
            state.counts["events.duplicate"] += 1
        elif late and pipeline.late == "skip":
            state.counts["events.late"] += 1
        else:
            return facts
        return None

    def advance(self, state: Remembering, time_ms: int) -> None:
        """Time has come so far: forget what no window and no label needs any more."""
        if time_ms > state.watermark_ms:
            state.watermark_ms = time_ms
            self._windows.expire(state.windows, time_ms)
            self._join.expire(state.join, time_ms, state.counts)
