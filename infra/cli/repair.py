"""`millrace repair`: offsets that are not those of the ledger, rewritten from it."""

import sys
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from infra.audit.mending import Mending, mend, mending, require_stopped, with_state_topic
from infra.audit.opened import not_begun, numbers, opened
from infra.cli.stdout import stdout
from infra.settings import Settings
from schemas.problem import Problem
from streams.load import load


def repair(
    target: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="The pipeline, or package.module:NAME.")],
    *,
    stage: Annotated[str | None, typer.Option(help="This stage alone, as `millrace plan` names it.")] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="This partition alone.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Rewrite the committed offsets of stopped workers from their ledger, after showing what will change.

    For offsets that were reset by hand, or went with an expired group. Before it, find out what changed them. Where the
    topic of a saved state was deleted, it is created, and the state is folded again from the log by the next worker.

    Example: millrace repair payments.py:payments --stage score
    """
    settings, pipeline = Settings(), load(target)
    with opened(pipeline, settings, stage) as stages:
        if not stages:
            raise not_begun(pipeline, settings)
        for each in stages:
            require_stopped(each)
        screen = stdout()
        for each in stages:
            if with_state_topic(each, settings):
                screen.print(f"{each.binding.state_topic} was not there: created", highlight=False)
        found = [mending(each, number) for each in stages for number in numbers(each, partition)]
        wrong = [each for each in found if each is not None]
        if not wrong:
            screen.print("offsets and ledger agree: there is nothing to repair")
            return
        _show(screen, wrong)
        if not yes:
            if not sys.stdin.isatty():
                raise Problem("nobody can be asked here: give --yes")
            typer.confirm(f"rewrite the offsets of {len(wrong)} partitions?", abort=True)
        for task in wrong:
            entry = mend(task)
            screen.print(f"{task.stage.stage}, partition {task.partition}: offsets are those of entry {entry.seq} now")


def _show(screen: Console, wrong: list[Mending]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("stage", "partition", "input", "offset now", "of the ledger", "entry"):
        table.add_column(name, justify="left" if name in ("stage", "input") else "right", overflow="fold")
    for each in wrong:
        for topic, end in sorted(each.entry.ends.items()):
            mark = each.now.get(topic)
            now = "none" if mark is None else str(mark.offset)
            table.add_row(each.stage.stage, str(each.partition), topic, now, str(end), str(each.entry.seq))
    screen.print(table)
    for each in wrong:
        screen.print(escape(each.why), highlight=False)
