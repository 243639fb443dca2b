"""How scores turned out: quality per window, stated again as labels come, and the stream of errors."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streams.monitor.definition import Monitor
from streams.monitor.errors import Errors, Rise
from streams.monitor.grade import GRADES
from streams.monitor.grid import inner_edges
from streams.monitor.rhythm import Rhythm
from streams.monitor.tallies import Due, Tallies
from streams.monitor.verdict import Verdict, verdict
from streams.monitor.watched import Watched
from streams.monitor.window import CHUNK
from streams.stage import Emitted, Output, Record


@dataclass(slots=True)
class OutcomesState:
    """What is known so far, the newest event that has its label, and the outcomes that wait to be folded."""

    errors: Errors
    rhythm: Rhythm
    newest_ms: int = 0
    watch_from_ms: int = -1
    tallies: Tallies = field(default_factory=Tallies)
    waiting: list[Verdict] = field(default_factory=list)


class Outcomes:
    """Folds outcomes into quality and errors.

    Quality windows are single lengths: their sums and bins are merged when read, so few events do no harm. When the
    largest time seen, of events or labels, comes into another length, windows that have ended are stated where they are
    due (`Tally.due`), and at last, as `final`, when the horizon has passed. What comes for them later counts as late.

    Errors are watched from the labels after the warm-up on: before, a model that begins to learn errs as it must.

    Outcomes become columns in chunks of `CHUNK` in their order, and before statements: never where a batch ends.
    """

    def __init__(self, watched: Watched, definition: Monitor) -> None:
        self._watched, self._monitor = watched, definition
        self._cell_ms = definition.window_ms
        self._warmup_ms = definition.warmup_ms(watched.longest_ms)
        self._horizon = -(-watched.horizon_ms // self._cell_ms)
        self._classes = watched.task == "multiclass"
        self._grade = GRADES.get(watched.task)
        self._inner = inner_edges(definition.score_bins)

    def initial(self) -> OutcomesState:
        """Nothing scored, nothing known."""
        period = self._monitor.reference_ms // self._cell_ms
        return OutcomesState(Errors.watch(self._monitor.adwin_delta, self._monitor.at_least), Rhythm.of(period))

    def expect(self, state: OutcomesState, record: Record, time_ms: int, emitted: list[Emitted]) -> None:
        """An event was scored: its label may come."""
        if self._grade is None:
            return
        if state.watch_from_ms < 0:
            state.watch_from_ms = time_ms + self._warmup_ms
        cell = time_ms // self._cell_ms
        if cell > state.tallies.now:
            self._advance(state, record, cell, emitted)
        if cell >= state.tallies.oldest:
            state.tallies.at(cell).events += 1

    def add(
        self, state: OutcomesState, record: Record, row: Mapping[str, Any], counts: Counter[str], emitted: list[Emitted]
    ) -> None:
        """Fold one outcome, of this feature set."""
        if self._grade is None:
            counts["outcomes.ignored"] += 1
            return
        now = min(row["label_time_ms"], record.timestamp_ms) // self._cell_ms
        if now > state.tallies.now:
            self._advance(state, record, now, emitted)
        found = verdict(row, classes=self._classes)
        if found is None:
            counts["outcomes.unusable"] += 1
        elif found.time_ms // self._cell_ms < state.tallies.oldest:
            counts["outcomes.late"] += 1
        else:
            counts["outcomes.counted"] += 1
            state.waiting.append(found)
            if len(state.waiting) == CHUNK:
                self._flush(state, record, emitted)

    def _advance(self, state: OutcomesState, record: Record, now: int, emitted: list[Emitted]) -> None:
        self._flush(state, record, emitted)
        state.rhythm.advance(now)
        emitted += [self._metric(record, due) for due in state.tallies.advance(now, self._horizon)]

    def _flush(self, state: OutcomesState, record: Record, emitted: list[Emitted]) -> None:
        waiting, state.waiting = state.waiting, []
        if not waiting or self._grade is None:
            return
        times, scores, targets, hits, labelled = np.array([row[:5] for row in waiting]).T.copy()
        cells, place = np.unique(times // self._cell_ms, return_inverse=True)
        graded = self._grade(scores, targets, hits, self._inner)
        state.tallies.add([int(cell) for cell in cells], place, graded, 2 * self._monitor.score_bins)
        for row in waiting:
            if row.pair is not None:
                state.tallies.at(row.time_ms // self._cell_ms).add_pair(row.pair)
        errors = np.where(labelled < state.watch_from_ms, np.nan, graded.errors)
        levelled = state.rhythm.level((labelled // self._cell_ms).astype(np.int64), errors)
        rises = state.errors.add(levelled.tolist(), self._monitor.adwin_raise)
        newest = np.maximum.accumulate(np.append(state.newest_ms, times))[1:].astype(np.int64).tolist()
        emitted += [self._alert(record, newest[rise.place], rise) for rise in rises]
        state.newest_ms = newest[-1]

    def _metric(self, record: Record, due: Due) -> Output:
        tally = due.tally
        return self._watched.metric(
            record,
            kind="quality",
            subject="quality",
            window_start_ms=due.cell * self._cell_ms,
            window_end_ms=(due.cell + 1) * self._cell_ms,
            revision=tally.revision - 1,
            count=tally.labelled,
            missing=max(0, tally.events - tally.labelled),
            values=tally.values() | {"final": float(due.final)},
            edges=[],
            bins=[] if tally.bins is None else tally.bins.tolist(),
            sketch=None,
        )

    def _alert(self, record: Record, time_ms: int, rise: Rise) -> Output:
        return self._watched.alert(
            record,
            monitor="adwin",
            subject="error",
            event_time_ms=time_ms,
            window_start_ms=time_ms,
            window_end_ms=time_ms,
            value=rise.new,
            threshold=rise.old * (1.0 + self._monitor.adwin_raise),
            evidence=f"the mean error of the model, without its rhythm, rose from {rise.old:.4g} to {rise.new:.4g}",
        )
