"""`millrace archive`: the saved states in files, from which ledgers can be verified when their inputs have expired."""

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from infra.audit import archives
from infra.audit.opened import not_begun, numbers, opened
from infra.cli.stdout import stdout
from infra.settings import Settings
from schemas.problem import Problem
from streams.load import load


def archive(
    target: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="The pipeline, or package.module:NAME.")],
    *,
    to: Annotated[Path, typer.Option("--to", metavar="DIR", help="The folder for the files, one per task.")],
    stage: Annotated[str | None, typer.Option(help="This stage alone, as `millrace plan` names it.")] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="This partition alone.")] = None,
) -> None:
    """Write the state that each task has saved last to a file, for `millrace verify --from DIR`.

    Do it before inputs expire, when `millrace verify` has found that all holds. Reads only, also beside running
    workers; checks counts and checksums as a worker does. With MILLRACE_LEDGER_KEY the files are signed.

    Example: millrace archive payments.py:payments --to archives/2026-03
    """
    settings, pipeline = Settings(), load(target)
    screen, lacking = stdout(), []
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("stage", "partition", "entry", "values", "bytes", "file"):
        table.add_column(name, justify="left" if name in ("stage", "file") else "right", overflow="fold")
    with opened(pipeline, settings, stage) as stages:
        if not stages:
            raise not_begun(pipeline, settings)
        tasks = [(each, number) for each in stages for number in numbers(each, partition)]
        for each, number in tasks:
            archives.require_free(to, each, number)
        for each, number in tasks:
            written = archives.write(to, each, number)
            if written is None:
                lacking.append(f"{each.stage}, partition {number}")
                continue
            figures = (f"{n:,}" for n in (written.seq, written.values, written.size_bytes))
            table.add_row(each.stage, str(number), *figures, escape(str(written.path)))
    if len(lacking) == len(tasks):
        raise Problem(f"{pipeline.name} has saved no state yet: a worker saves it now and then, and when it is stopped")
    screen.print(table)
    for name in lacking:
        screen.print(f"{name}: has saved no state yet, so there is nothing to archive", highlight=False)
