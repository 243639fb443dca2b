"""Drift: windows of scored rows, their distance from the reference, and when that is an alert."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from streams.monitor.closing import Closing
from streams.monitor.definition import DAY_MS, Monitor
from streams.monitor.reference import Reference
from streams.monitor.stability import Crossing
from streams.monitor.watched import Watched
from streams.monitor.window import Window
from streams.stage import Emitted, Output, Record


@dataclass(slots=True)
class DriftState:
    """The open window, the reference, and which subjects have drifted."""

    subjects: tuple[str, ...]
    crossings: list[Crossing]
    reference: Reference | None = None
    window: Window | None = None


class Drift:
    """Folds scored rows into windows and states them as they close.

    A window begins at a multiple of its length. It closes when an event time at or behind its end comes, if it holds
    `at_least` events and the same hours of the reference hold half as many; else it goes on up to the end of the length
    in which that time lies. Lengths without any event belong to no window. A row from before the open window is late:
    counted there, and nowhere else.

    Features are compared with the reference, the score with the same hours of the day before: a model that learns
    changes its scores, slowly and rightly. Missing values count as one more bin.
    """

    def __init__(self, watched: Watched, definition: Monitor) -> None:
        self._watched, self._monitor = watched, definition
        self._subjects = (*watched.feature_names, "score")
        self._cell_ms = definition.window_ms
        self._day = DAY_MS // definition.window_ms
        self._warmup_ms = definition.warmup_ms(watched.longest_ms)

    def initial(self) -> DriftState:
        """No window yet."""
        return DriftState(self._subjects, [Crossing() for _ in self._subjects])

    def add(
        self, state: DriftState, record: Record, row: Mapping[str, Any], counts: Counter[str], emitted: list[Emitted]
    ) -> None:
        """Fold one scored row, of this feature set."""
        time_ms = row["event_time_ms"]
        reference, window = state.reference, state.window
        if reference is None or window is None:
            reference, window = self._begin(state, time_ms)
        elif time_ms >= window.end * self._cell_ms:
            if self._full(reference, window):
                emitted += self._close(state, reference, window, record)
                window = Window.at(time_ms // self._cell_ms, len(self._subjects), reference.baselines)
                state.window = window
            else:
                window.end = time_ms // self._cell_ms + 1
        if time_ms < window.first * self._cell_ms:
            window.late += 1
            counts["scored.late"] += 1
        else:
            window.add(time_ms, [*row["features"], row["score"]], reference, self._cell_ms)
            counts["scored.counted"] += 1

    def _begin(self, state: DriftState, time_ms: int) -> tuple[Reference, Window]:
        first = (time_ms + self._warmup_ms) // self._cell_ms + 1  # the cell of the first row is not a full one
        state.reference = Reference(first, self._monitor.reference_ms // self._cell_ms)
        state.window = Window.at(time_ms // self._cell_ms, len(self._subjects), None)
        return state.reference, state.window

    def _full(self, reference: Reference, window: Window) -> bool:
        if window.count < self._monitor.at_least:
            return False
        if reference.baselines is None or window.end - window.first >= reference.period:
            return True
        compared = reference.baselines[0].between(window.first, window.end)
        return 2 * int(compared.sum()) >= self._monitor.at_least

    def _close(self, state: DriftState, reference: Reference, window: Window, record: Record) -> list[Output]:
        window.flush(reference, self._cell_ms)
        closing = Closing(self._watched, self._monitor, window, record)
        found: list[Output] = []
        for place, subject in enumerate(self._subjects):
            baseline = reference.baselines[place] if reference.baselines is not None else None
            found += closing.state(place, subject, baseline, state.crossings[place])
        if reference.baselines is not None:
            reference.baselines[-1].roll()
        elif window.end >= reference.end:
            reference.fix(at=window.end, at_least=self._monitor.at_least, bins=self._monitor.bins, day=self._day)
        return found
