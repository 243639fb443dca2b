"""A report for people: a small table, each figure with its budget beside it."""

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.bench.budgets import FAILED, NOT_BUILT, Standing
from infra.bench.report import Figure, Report, Verdict

COLOUR: Mapping[str, str] = {Verdict.PASS: "green", Verdict.MISSED: "red", Verdict.VOID: "red"}
FEW = 100
"""Below this a figure is shown with three digits, above it whole."""


def show(report: Report, console: Console) -> None:
    """Print `report`: the load in one line, the figures, the verdict, and why where it is void."""
    load = ", ".join(f"{name} {_told(value)}" for name, value in report.load.items())
    table = Table("figure", "value", "unit", "budget", "", title=f"bench {report.bench}: {load}", title_justify="left")
    table.columns[0].overflow, table.columns[1].justify = "fold", "right"
    for figure in report.figures:
        table.add_row(figure.name, _number(figure.value), figure.unit, figure.budget, _mark(figure))
    console.print(table)
    for reason in report.void:
        console.print(f"void: {escape(reason)}", soft_wrap=True)
    console.print(f"[{COLOUR[report.verdict]}]{report.verdict.value}[/]")


def show_budgets(standing: Standing, console: Console) -> None:
    """Print every budget with what was found of it."""
    table = Table("budget", "value", "unit", "asked", "", title="bench all", title_justify="left")
    table.columns[1].justify = "right"
    for budget, figure, result in standing.lines():
        value, unit, asked = ("", "", "") if figure is None else (_number(figure.value), figure.unit, figure.budget)
        table.add_row(budget.what, value, unit, asked, f"[{COLOUR[result]}]{result}[/]" if result in COLOUR else result)
    console.print(table)
    for name, report in standing.reports.items():
        for reason in report.void:
            console.print(f"void: {name}: {escape(reason)}", soft_wrap=True)
    for what, told in ((FAILED, standing.failed), (NOT_BUILT, standing.absent)):
        for name, reason in told.items():
            console.print(f"{what}: {name}: {escape(reason)}", soft_wrap=True)
    console.print(f"[{COLOUR[standing.verdict]}]{standing.verdict.value}[/]")


def _mark(figure: Figure) -> str:
    if figure.held is None:
        return escape(figure.note)
    said = "[green]held[/]" if figure.held else "[red]missed[/]"
    return f"{said} {escape(figure.note)}".rstrip()


def _number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < FEW else f"{value:,.0f}"


def _told(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
