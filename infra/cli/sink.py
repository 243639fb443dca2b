"""`millrace sink`: a pipeline's output topics into ClickHouse, in the foreground."""

import json
import logging
import sys
from dataclasses import asdict
from functools import partial
from threading import Event
from typing import Annotated

import typer

from consumers.buffer import Limits
from consumers.clickhouse import FeatureSet
from infra.cli.stdout import stdout
from infra.cli.stopping import asked_to_stop
from infra.logs import log_to_stderr
from infra.pipeline_topics import lacking, stages_there
from infra.run_sink import Written, run_sink
from infra.settings import Settings, reach
from streams.load import load
from streams.pipeline import Pipeline

log = logging.getLogger(__name__)

AGAIN_S = 0.5


def sink(
    target: Annotated[str, typer.Argument(metavar="FILE.py:NAME", help="The pipeline, or package.module:NAME.")],
    *,
    until_idle: Annotated[
        bool, typer.Option("--until-idle", help="Stop when all that stands on the topics now is written.")
    ] = False,
    interval_s: Annotated[
        float, typer.Option(min=0.05, max=60, help="Longest time that a record waits for its insert.")
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was written as one line of JSON.")] = False,
) -> None:
    """Write scored, outcomes, metrics, alerts and rejected into ClickHouse until Ctrl-C, each record exactly once.

    Brings the tables up to date first and serves /metrics. Start several to share the partitions.

    Example: millrace sink payments.py:payments
    """
    log_to_stderr()
    settings, pipeline = Settings(), load(target)
    names = FeatureSet(
        id=pipeline.feature_set,
        pipeline=f"{settings.topic_prefix}{pipeline.name}",
        version=pipeline.version,
        names=pipeline.feature_names,
    )
    topics = pipeline.topics(settings.topic_prefix)
    limits = Limits(interval_s=interval_s)
    stop = asked_to_stop()
    reach(settings, ("kafka",))
    if until_idle:
        stages = partial(stages_there, pipeline, settings)
    else:
        stages = partial(_stages_to_come, pipeline, settings, stop)
    written = run_sink(settings, topics, features=names, stop=stop, stages=stages, until_idle=until_idle, limits=limits)
    show(written, as_json=as_json)


def _stages_to_come(pipeline: Pipeline, settings: Settings, stop: Event) -> tuple[str, ...]:
    """The stages, once all topics are there: whoever starts everything at once has a worker that makes them now."""
    told = False
    while missing := lacking(pipeline, settings):
        if not told:
            log.warning("waiting for %s: `millrace worker` creates them", ", ".join(missing))
            told = True
        if stop.wait(AGAIN_S):
            raise typer.Exit
    return stages_there(pipeline, settings)


def show(written: Written, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(asdict(written)) + "\n")
        return
    told = ", ".join(f"{count:,} {table}" for table, count in sorted(written.rows.items())) or "nothing new"
    stdout().print(f"wrote {told} in {written.inserts:,} inserts")
