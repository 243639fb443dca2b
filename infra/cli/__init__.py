"""The command line: one file per command, loaded when it is called, problems shown as one sentence."""

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from infra.garbage import paused
from schemas.problem import Problem

COMMANDS = (
    "archive",
    "backtest",
    "bench",
    "demo",
    "plan",
    "produce",
    "profile",
    "rejected",
    "repair",
    "replay",
    "sample",
    "sink",
    "status",
    "up",
    "verify",
    "worker",
)
"""Each is the function, or the group of commands, of its own name in the file of its own name."""


class Commands(TyperGroup):
    """Imports a command when it is asked for: River and Faust take a second to load, and `up` needs neither."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 (click's signature)
        """All commands, in order of their names."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 (click's signature)
        """The command of this name, None where there is none."""
        if cmd_name not in COMMANDS:
            return None
        with paused():
            found = getattr(import_module(f"infra.cli.{cmd_name}"), cmd_name)
        if isinstance(found, typer.Typer):
            group = typer.main.get_command(found)
            group.name = cmd_name
            return group
        alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        alone.command(cmd_name)(found)
        return typer.main.get_command(alone)


app = typer.Typer(
    cls=Commands,
    name="millrace",
    help="Scores Kafka events as they happen with a model that never stops learning.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def options(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a problem.")] = False,
) -> None:
    """Scores Kafka events as they happen with a model that never stops learning."""


def main() -> None:
    """Run the command line; a `Problem` becomes one sentence and its exit status."""
    try:
        app()
    except Problem as problem:
        if "--debug" in sys.argv:
            raise
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(problem))}", highlight=False, soft_wrap=True)
        sys.exit(problem.status)
