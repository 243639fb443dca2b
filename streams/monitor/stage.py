"""The monitor stage: scored rows and outcomes in, metrics and alerts out."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from schemas.reject import Reject
from streams.monitor.definition import Monitor
from streams.monitor.drift import Drift, DriftState
from streams.monitor.outcomes import Outcomes, OutcomesState
from streams.monitor.tally import Version
from streams.monitor.watched import Watched
from streams.pickled import Pickled
from streams.stage import Emitted, Record, Refused, Role, Saved


@dataclass(slots=True)
class MonitorState:
    """All that monitoring carries from record to record."""

    drift: DriftState
    outcomes: OutcomesState
    counts: Counter[str] = field(default_factory=Counter)
    saved: dict[int, Version] = field(default_factory=dict)
    """Which version of each tally was saved."""

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

    Values are the fields of `Scored` and of `Outcome`, as dicts. Rows that another definition has scored, as another
    version of the pipeline has, are counted as `other_definition` and left out. `counts` adds up per role: scored =
    counted + late + other_definition + rejected; outcomes = counted + late + unusable + ignored (task none) +
    other_definition + rejected.
    """

    name = "monitor"

    def __init__(self, watched: Watched, definition: Monitor) -> None:
        self._ours, self._width = f"{watched.digest}/", len(watched.feature_names)
        self._drift = Drift(watched, definition)
        self._outcomes = Outcomes(watched, definition)
        self._pickled = Pickled(
            self.initial(0),
            what="the monitor's state",
            module="streams.monitor",
            owns=lambda found: found.__module__.startswith("streams.monitor."),
        )

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
            elif not value["model_id"].startswith(self._ours) or len(value["features"]) != self._width:
                state.counts[f"{record.role}.other_definition"] += 1
            elif record.role is Role.SCORED:
                self._drift.add(state.drift, record, value, state.counts, emitted)
                self._outcomes.expect(state.outcomes, record, value["event_time_ms"], emitted)
            else:
                self._outcomes.add(state.outcomes, record, value, state.counts, emitted)
        return emitted

    def save(self, state: MonitorState) -> Saved:
        """Each tally that has changed, None for one that is final, and in one value all the rest."""
        tallies = state.outcomes.tallies
        versions = {cell: tally.version for cell, tally in sorted(tallies.cells.items())}
        for cell, version in versions.items():
            if state.saved.get(cell) != version:
                yield b"tally/%d" % cell, self._pickled.write(tallies.cells[cell])
        yield from ((b"tally/%d" % cell, None) for cell in state.saved if cell not in versions)
        state.saved = versions
        cells, tallies.cells = tallies.cells, {}
        rest = self._pickled.write((state.drift, state.outcomes, state.counts))
        tallies.cells = cells
        yield b"state", rest

    def restore(self, partition: int, values: Mapping[bytes, bytes]) -> MonitorState:  # noqa: ARG002 (as in `initial`)
        """The state that was saved. Raises `Problem` where it is none of ours."""
        state = MonitorState(*self._pickled.read(values[b"state"]))
        cells = {int(key.partition(b"/")[2]): value for key, value in values.items() if key.startswith(b"tally/")}
        state.outcomes.tallies.cells = {cell: self._pickled.read(cells[cell]) for cell in sorted(cells)}
        state.saved = {cell: tally.version for cell, tally in state.outcomes.tallies.cells.items()}
        return state

    def _refuse(self, state: MonitorState, record: Record, emitted: list[Emitted]) -> None:
        if not isinstance(record.value, Reject):
            raise TypeError(f"the monitor folds dicts, not {type(record.value).__name__}")
        state.counts[f"{record.role}.rejected"] += 1
        emitted.append(Refused(record, record.value))
