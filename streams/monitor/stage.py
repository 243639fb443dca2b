"""The monitor stage: scored rows and outcomes in, metrics and alerts out."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from schemas.reject import Reject
from streams.monitor.definition import Monitor
from streams.monitor.drift import Drift, DriftState
from streams.monitor.outcomes import Outcomes, OutcomesState
from streams.monitor.watched import Watched
from streams.stage import Emitted, Record, Refused, Role


@dataclass(slots=True)
class MonitorState:
    """All that monitoring carries from record to record."""

    drift: DriftState
    outcomes: OutcomesState
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def gauges(self) -> Iterator[tuple[str, str, float]]:
        """Where the monitors stand: name, subject and the value that is held against the threshold."""
        if self.outcomes.errors.adwin.width:
            yield "adwin", "error", self.outcomes.errors.adwin.estimation
        for subject, crossing in zip(self.drift.subjects, self.drift.crossings, strict=True):
            if crossing.latest is not None:
                yield "stability", subject, crossing.latest


class MonitorStage:
    """Watches one pipeline, a partition at a time.

    Values are the fields of `Scored` and of `Outcome`, as dicts. Rows of another feature set, as after a new version
    of the pipeline, are counted as `other_set` and left out. `counts` adds up per role: scored = counted + late +
    other_set + rejected; outcomes = counted + late + unusable + ignored (task none) + other_set + rejected.
    """

    name = "monitor"

    def __init__(self, watched: Watched, definition: Monitor) -> None:
        self._feature_set, self._width = watched.feature_set, len(watched.feature_names)
        self._drift = Drift(watched, definition)
        self._outcomes = Outcomes(watched, definition)

    def initial(self, partition: int) -> MonitorState:  # noqa: ARG002 (every partition starts alike)
        """Nothing seen."""
        return MonitorState(self._drift.initial(), self._outcomes.initial())

    def fold(self, state: MonitorState, records: Sequence[Record]) -> list[Emitted]:
        """Advance over `records`; state windows that close, and what was found."""
        emitted: list[Emitted] = []
        for record in records:
            value = record.value
            if not isinstance(value, dict):
                self._refuse(state, record, emitted)
            elif value["feature_set"] != self._feature_set or len(value["features"]) != self._width:
                state.counts[f"{record.role}.other_set"] += 1
            elif record.role is Role.SCORED:
                self._drift.add(state.drift, record, value, state.counts, emitted)
                self._outcomes.expect(state.outcomes, record, value["event_time_ms"], emitted)
            else:
                self._outcomes.add(state.outcomes, record, value, state.counts, emitted)
        return emitted

    def _refuse(self, state: MonitorState, record: Record, emitted: list[Emitted]) -> None:
        if not isinstance(record.value, Reject):
            raise TypeError(f"the monitor folds dicts, not {type(record.value).__name__}")
        state.counts[f"{record.role}.rejected"] += 1
        emitted.append(Refused(record, record.value))
