"""`millrace rejected …`, asked in this process: what it says as JSON."""

import json
from typing import Any

from typer.testing import CliRunner

from infra.cli.rejected import rejected
from infra.settings import Settings
from tests.integration.harness import environment


def told(settings: Settings, verb: str, target: str, *arguments: str) -> dict[str, Any]:
    """What `verb`, list or replay, says of the pipeline `target`."""
    given = [verb, target, *arguments, "--json"]
    ran = CliRunner().invoke(rejected, given, env=environment(settings), catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    return found
