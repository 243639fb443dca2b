"""How a backtest looks in a terminal and in JSON."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.backtest.fold import Folded
from infra.backtest.log import Log
from infra.backtest.report import BASELINES, LATER, MODEL, Report, Slice
from streams.labels import Task
from streams.runtime.environment import environment

TELLING: Mapping[Task, Mapping[str, str]] = {
    "binary": {"roc_auc": "AUC", "average_precision": "AP"},
    "multiclass": {"accuracy": "accuracy", "macro_f1": "F1"},
    "regression": {"mae": "MAE", "rmse": "RMSE"},
    "none": {},
}
"""The figures that are shown for each day, and what they are called there; all others are in JSON."""

MATURITY = {"1h": "under 1 h", "1d": "under 1 d", "7d": "under 7 d", LATER: "7 d and more"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What was folded, what came of it under each pipeline's name, and what it cost."""

    log: Log
    folded: Folded
    reports: Mapping[str, Report]
    cpu_s: float

    @property
    def events(self) -> int:
        """How many records of events were folded; the last of the inputs."""
        return self.records[self.log.topics[-1]]

    @property
    def records(self) -> Counter[str]:
        """How many records were folded of each topic or file."""
        found: Counter[str] = Counter()
        for rank, source in enumerate(self.log.sources):
            found[source.topic] += self.folded.records[rank]
        return found


def as_fields(result: Result, scores: Path | None) -> dict[str, Any]:
    """All of it, as JSON has it. `scores`: the file that holds them."""
    return {
        "log": result.log.place,
        "partitions": result.log.partitions,
        "remarks": list(result.log.remarks),
        "records": dict(result.records),
        "cpu_s": round(result.cpu_s, 3),
        "events_per_cpu_s": round(result.events / result.cpu_s, 1),
        "environment": environment(),
        "scores": str(scores) if scores is not None else None,
        "pipelines": {name: _fields(report) for name, report in result.reports.items()},
    }


def _fields(report: Report) -> dict[str, Any]:
    return {
        "counts": dict(sorted(report.counts.items())),
        "overall": _slice(report.overall),
        "days": [_slice(each) for each in report.days],
        "maturities": [_slice(each) for each in report.maturities],
    }


def _slice(each: Slice) -> dict[str, Any]:
    return {
        "name": each.name,
        "events": each.events,
        "labels": each.labels,
        "unlabelled_share": each.unlabelled_share,
        "by_prior": each.by_prior,
        **each.figures,
    }


def show(result: Result, task: Task, screen: Console, scores: Path | None) -> None:
    """All that a person looks at first. `scores`: the file that holds them."""
    for remark in result.log.remarks:
        screen.print(escape(remark), highlight=False)
    screen.print(_overall(result))
    if task != "none":
        screen.print(_sliced(result, TELLING[task], "maturities"))
    screen.print(_sliced(result, TELLING[task], "days"))
    for name, report in result.reports.items():
        told = ", ".join(f"{many:,} {what}" for what, many in sorted(report.counts.items()) if many)
        screen.print(f"{escape(name)}: {told}", highlight=False)
    if scores is not None:
        screen.print(f"every score is in {escape(str(scores))}", highlight=False)
    rate = result.events / result.cpu_s
    screen.print(f"{result.events:,} events in {result.cpu_s:.1f} s of CPU: {rate:,.0f} a second", highlight=False)


def _overall(result: Result) -> Table:
    """Each figure of each pipeline, beside the baselines of the first."""
    first = next(iter(result.reports.values())).overall
    columns = {name: report.overall.figures[MODEL] for name, report in result.reports.items()}
    columns |= {name.replace("_", " "): first.figures[name] for name in BASELINES if name in first.figures}
    table = _table([result.log.place, *columns])
    table.add_row("events", *(f"{report.overall.events:,}" for report in result.reports.values()))
    table.add_row("labels", *(f"{report.overall.labels:,}" for report in result.reports.values()))
    table.add_row("unlabelled", *(f"{report.overall.unlabelled_share:.1%}" for report in result.reports.values()))
    for name in dict.fromkeys(name for figures in columns.values() for name in figures):
        table.add_row(name, *(_shown(figures.get(name)) for figures in columns.values()))
    return table


def _sliced(result: Result, telling: Mapping[str, str], which: str) -> Table:
    """A row for each slice, with what the first pipeline met, and the telling figures of each pipeline."""
    slices = {name: {each.name: each for each in getattr(report, which)} for name, report in result.reports.items()}
    before = "{}\n" if len(slices) > 1 else ""
    heads = [before.format(name) + figure for name in slices for figure in telling.values()]
    table = _table(["day" if which == "days" else "label after", "events", "labels", "unlabelled", *heads])
    for name in dict.fromkeys(name for each in slices.values() for name in each):
        table.add_row(MATURITY.get(name, name), *_cells([each.get(name) for each in slices.values()], telling))
    return table


def _cells(slices: Sequence[Slice | None], telling: Iterable[str]) -> Iterator[str]:
    first = next(each for each in slices if each is not None)
    yield from (f"{first.events:,}", f"{first.labels:,}", f"{first.unlabelled_share:.1%}")
    for each in slices:
        yield from (_shown(each.figures[MODEL].get(figure) if each is not None else None) for figure in telling)


def _table(heads: Sequence[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for number, head in enumerate(heads):
        table.add_column(escape(head), justify="right" if number else "left", overflow="fold")
    return table


def _shown(figure: float | None) -> str:
    return "" if figure is None else f"{figure:.4f}"
