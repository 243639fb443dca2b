"""`millrace verify`: every ledger walked, every batch computed again."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from infra.audit import archives
from infra.audit.opened import Opened, not_begun, numbers, opened
from infra.audit.verdict import Verdict
from infra.audit.verdict import verify as audited
from infra.cli.bar import covered, folding_bar
from infra.cli.skew import skewed
from infra.cli.stdout import stdout
from infra.settings import Settings
from schemas.problem import Problem
from streams.load import load
from streams.runtime.environment import environment
from streams.runtime.findings import Broken

DIFFERS = 1


def verify(
    target: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="The pipeline, or package.module:NAME.")],
    *,
    stage: Annotated[str | None, typer.Option(help="This stage alone, as `millrace plan` names it.")] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="This partition alone.")] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Begin with the archives in this folder, not with the first entry."),
    ] = None,
    features: Annotated[
        bool, typer.Option("--features", help="Compute every feature that was served again, apart from the live path.")
    ] = False,
    following: Annotated[
        bool, typer.Option("--follow", help="With --features: go on until Ctrl-C, and keep ClickHouse told.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as one line of JSON.")] = False,
) -> None:
    """Walk the chain of every ledger, compute every batch again, and compare it with what was written.

    Reads only, also beside running workers. Exit status 0: all holds; 1: a difference or a broken chain, which are
    named. Where inputs are gone and only the chain was checked, it says so. MILLRACE_LEDGER_KEY checks signatures.
    `--from` computes what came after an archive, so that inputs from before it may be gone.

    `--features` compares each feature of each event that was served with its definition, naively evaluated. With
    `--follow` it does so as events are served, writing what it finds into the table feature_skew.

    Example: millrace verify payments.py:payments --stage score
    """
    settings, pipeline = Settings(), load(target)
    if features or following:
        _refuse_others(stage, folder, features=features)
        if skewed(pipeline, settings, partition, following=following, as_json=as_json):
            raise typer.Exit(DIFFERS)
        return
    with opened(pipeline, settings, stage) as stages:
        if not stages:
            raise not_begun(pipeline, settings)
        tasks = [(each, number) for each in stages for number in numbers(each, partition)]
        if folder is not None:
            _require_archives(folder, tasks)
        verdicts = [_verdict(each, number, folder) for each, number in tasks]
    if not as_json:
        _tell(verdicts)
    else:
        said = {"holds": all(v.holds for v in verdicts), "environment": environment()}
        sys.stdout.write(json.dumps({**said, "ledgers": [v.fields() for v in verdicts]}) + "\n")
    if not all(verdict.holds for verdict in verdicts):
        raise typer.Exit(DIFFERS)


def _refuse_others(stage: str | None, folder: Path | None, *, features: bool) -> None:
    if not features:
        raise Problem("--follow goes with --features: write both")
    if folder is not None or stage not in (None, "score"):
        raise Problem("--features looks at all that the score stage has served: leave out --from and --stage")


def _require_archives(folder: Path, tasks: list[tuple[Opened, int]]) -> None:
    """Look at every archive before anything is folded. Raises `Problem` where one is not sound, or there is none."""
    if not [stage for stage, number in tasks if archives.read(folder, stage, number) is not None]:
        path = archives.path_of(folder, *tasks[0])
        raise Problem(f"{folder} holds no archive of these tasks, such as {path.name}: `millrace archive` writes them")


def _verdict(stage: Opened, partition: int, folder: Path | None) -> Verdict:
    try:
        span = stage.auditor.span(partition)
    except Broken:
        span = None  # the audit itself says where
    with folding_bar(f"{stage.stage}, partition {partition}", covered(*span) if span is not None else 1) as advance:
        return audited(stage, partition, lambda entry, _: advance(covered(entry, entry)), folder)


def _tell(verdicts: list[Verdict]) -> None:
    screen = stdout()
    table = Table(box=box.SIMPLE_HEAD)
    for name, right in (
        ("stage", 0),
        ("partition", 1),
        ("entries", 1),
        ("folded again", 1),
        ("records", 1),
        ("outputs", 1),
        ("head", 0),
        ("", 0),
    ):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for verdict in verdicts:
        audit = verdict.audit
        numbers = (f"{n:,}" for n in (audit.entries, audit.refolded, audit.records, audit.outputs))
        colour = "green" if verdict.holds else "red"
        table.add_row(verdict.stage, str(audit.partition), *numbers, audit.head[:12], f"[{colour}]{verdict.result}[/]")
    screen.print(table)
    for verdict in verdicts:
        name = f"{verdict.stage}, partition {verdict.audit.partition}"
        for told in verdict.audit.differences:
            screen.print(f"[red]{name}:[/] {escape(told)}", highlight=False)
        if verdict.audit.found > len(verdict.audit.differences):
            screen.print(f"[red]{name}:[/] {verdict.audit.found:,} differences in all", highlight=False)
        for told in verdict.remarks():
            screen.print(f"{name}: {escape(told)}", highlight=False)
