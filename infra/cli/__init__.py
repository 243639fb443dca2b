"""The command line: one file per command, problems shown as one sentence."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from infra.cli.produce import produce
from infra.cli.sink import sink
from infra.cli.up import up
from infra.cli.worker import worker
from schemas.problem import Problem

app = typer.Typer(
    name="millrace",
    help="Scores Kafka events as they happen with a model that never stops learning.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    add_completion=False,
)
app.command()(produce)
app.command()(sink)
app.command()(up)
app.command()(worker)


@app.callback()
def options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a problem.")] = False,
) -> None:
    """Options that every command takes."""


def main() -> None:
    """Run the command line; a `Problem` becomes one sentence and exit status 2."""
    try:
        app()
    except Problem as problem:
        if "--debug" in sys.argv:
            raise
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(problem))}", highlight=False, soft_wrap=True)
        sys.exit(2)
