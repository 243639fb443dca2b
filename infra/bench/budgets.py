"""What is asked of Millrace in figures, and what the benches found of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from infra.bench.benches import BENCHES
from infra.bench.machine import machine
from infra.bench.report import Figure, Report, Verdict

NOT_BUILT, NOT_MEASURED, FAILED = "not built", "not measured", "failed"


class Budget(NamedTuple):
    """In words; and which figure of which bench it is about."""

    what: str
    bench: str
    figure: str


BUDGETS = (
    Budget("throughput, of a loop written by hand", "throughput", "ratio_hand"),
    Budget("throughput, of the best of Bytewax and Quix Streams", "neighbours", "ratio_neighbour"),
    Budget("throughput, of idiomatic Faust", "neighbours", "ratio_faust"),
    Budget("exactly once with ledger and checkpoints, of at least once", "guarantees", "ratio_wall"),
    Budget("event to score at 20/s, p99, of the hand loop in transactions", "latency", "ratio_p99_at_20"),
    Budget("the same at 200/s", "latency", "ratio_p99_at_200"),
    Budget("the same at 1,000/s", "latency", "ratio_p99_at_1000"),
    Budget("the same at 70 % of what is kept up", "latency", "ratio_p99_at_sustained"),
    Budget("event to score at 1,000/s, p99", "latency", "p99_at_1000"),
    Budget("first event after five idle minutes", "latency", "first_after_idle"),
    Budget("label to next score of a model that learnt it, p99", "freshness", "p99"),
    Budget("score to ClickHouse at 1,000/s, p99", "sink", "p99"),
    Budget("kill -9 to caught up", "recovery", "killed_to_caught_up"),
    Budget("lost under kill -9", "eos", "lost"),
    Budget("doubled under kill -9", "eos", "doubled"),
    Budget("different under kill -9", "eos", "differing"),
    Budget("two workers, by their CPU time", "scale", "two_workers"),
    Budget("state of a key with six tiled windows", "memory", "key_tiled"),
    Budget("state of a pending event", "memory", "pending_event"),
    Budget("state of an id that was seen", "memory", "seen_id"),
    Budget("score request beside 2,000 events/s, p99", "requests", "p99"),
    Budget("the same in two stages", "requests", "p99_in_two_stages"),
    Budget("memory of scoring, growth in an hour", "soak", "score_memory_growth"),
    Budget("memory of monitoring, growth in an hour", "soak", "monitor_memory_growth"),
)


class Line(NamedTuple):
    """What was found of one budget; no figure where there is none."""

    budget: Budget
    figure: Figure | None
    result: str


@dataclass(frozen=True, slots=True)
class Standing:
    """All reports by bench; why some could not be made, and what would have to be there for others."""

    reports: Mapping[str, Report]
    failed: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    def lines(self) -> Sequence[Line]:
        """Every budget, in its order."""
        return [self._line(budget) for budget in BUDGETS]

    @property
    def verdict(self) -> Verdict:
        """The worst of all; who failed has no figures that count."""
        verdicts = {report.verdict for report in self.reports.values()}
        if self.failed or Verdict.VOID in verdicts:
            return Verdict.VOID
        return Verdict.MISSED if Verdict.MISSED in verdicts else Verdict.PASS

    def as_json(self) -> dict[str, Any]:
        """Plain values: verdict, machine, budgets, the reports by bench, what failed or was left out, and why."""
        return {
            "bench": "all",
            "verdict": self.verdict.value,
            "machine": machine(),
            "budgets": [_plain(line) for line in self.lines()],
            "reports": {name: report.as_json() for name, report in self.reports.items()},
            "failed": dict(self.failed),
            "absent": dict(self.absent),
        }

    def _line(self, budget: Budget) -> Line:
        if budget.bench not in BENCHES or budget.bench in self.absent:
            return Line(budget, None, NOT_BUILT)
        if budget.bench in self.failed:
            return Line(budget, None, FAILED)
        report = self.reports.get(budget.bench)
        figure = next((f for f in report.figures if f.name == budget.figure), None) if report is not None else None
        if report is None or figure is None:
            return Line(budget, None, NOT_MEASURED)
        if report.void:
            return Line(budget, figure, Verdict.VOID.value)
        return Line(budget, figure, (Verdict.PASS if figure.held else Verdict.MISSED).value)


def _plain(line: Line) -> dict[str, Any]:
    budget, figure, result = line
    told = {"what": budget.what, "bench": budget.bench, "name": budget.figure, "result": result}
    limits = (None, None, None, None) if figure is None else (figure.value, figure.unit, figure.least, figure.most)
    return told | dict(zip(("value", "unit", "least", "most"), limits, strict=True))
