"""`millrace worker`: the stages of a pipeline."""

import logging
import sys
from typing import Annotated

import typer

from infra.cli.stopping import asked_to_stop
from infra.logs import log_to_stderr
from infra.pipeline_topics import stages_there
from infra.run_worker import run_stage
from infra.settings import Settings, reach
from infra.supervise import supervise
from streams.load import load


def worker(
    target: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="The pipeline, or package.module:NAME.")],
    *,
    stage: Annotated[
        str | None, typer.Option(help="Run this stage alone, in the foreground, as `millrace plan` names it.")
    ] = None,
) -> None:
    """Score events and watch the scores until Ctrl-C, one process per stage. Start more workers to share partitions.

    Example: millrace worker payments.py:payments
    """
    log_to_stderr()
    for chatty in ("faust", "mode", "aiokafka", "streams.runtime.transport"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    settings, pipeline = Settings(), load(target)
    if stage is not None:
        run_stage(settings, pipeline, stage)
        return
    reach(settings, ("kafka", "schema_registry"))
    supervise(target, stages_there(pipeline, settings), asked_to_stop(), debug="--debug" in sys.argv)
