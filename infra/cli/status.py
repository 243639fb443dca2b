"""`millrace status`: where every task stands, and whether its offsets and its ledger agree."""

import json
import sys
import time
from typing import Annotated

import typer

from infra.audit.group import group_of
from infra.audit.opened import not_begun, opened
from infra.audit.standing import standing
from infra.cli.status_table import as_fields, remarks, table
from infra.cli.stdout import stdout
from infra.settings import Settings
from streams.load import load
from streams.runtime.environment import environment


def status(
    target: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="The pipeline, or package.module:NAME.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Say it as one line of JSON.")] = False,
) -> None:
    """Show every task: owner, committed entry, positions and lag, watermark, counts, checkpoint, disagreements.

    Reads only, also beside running workers. Counts are of the last 25,000 entries.

    Example: millrace status payments.py:payments
    """
    settings, pipeline = Settings(), load(target)
    said = []
    with opened(pipeline, settings) as stages:
        if not stages:
            raise not_begun(pipeline, settings)
        for stage in stages:
            group = group_of(stage.admin, stage.binding.group)
            found = [standing(stage, number, time.time) for number in range(stage.binding.partitions)]
            said.append(as_fields(group, found))
            if not as_json:
                screen = stdout()
                screen.print(table(group, found))
                for told in remarks(found):
                    screen.print(told, highlight=False)
    if as_json:
        sys.stdout.write(json.dumps({"environment": environment(), "stages": said}) + "\n")
