"""What the command line says of itself."""

import pytest
from typer.testing import CliRunner

from infra.cli import COMMANDS, app

WIDE = {"COLUMNS": "200", "TERMINAL_WIDTH": "200"}


def test_the_help_has_every_command_by_its_name() -> None:
    told = CliRunner().invoke(app, ["--help"], env=WIDE)

    rows = [line.strip("│ ").split(maxsplit=1) for line in told.output.splitlines()]
    named = {row[0]: row[1] for row in rows if len(row) == 2 and row[0] in COMMANDS}
    assert told.exit_code == 0
    assert tuple(named) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_under_its_name(command: str) -> None:
    told = CliRunner().invoke(app, [command, "--help"], env=WIDE, prog_name="millrace")

    assert told.exit_code == 0
    assert f"Usage: millrace {command} " in told.output
