"""A worker from settings: one stage in this process, or a child process for each stage."""

import asyncio
import gc
import logging
import sys
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from infra.embedded.ports import free_port
from infra.embedded.process import ServerProcess
from infra.pipeline_topics import create
from infra.settings import Settings, aiokafka, librdkafka, reach, schema_registry
from schemas.problem import Problem
from schemas.registry import Registry
from streams.pipeline import Pipeline
from streams.runtime.app import Connection, serve
from streams.runtime.bind import STAGES, bind
from streams.runtime.writer import Fenced

CHECK_S = 0.2
GC_THRESHOLDS = (50_000, 20, 100)
"""What a stage keeps (events within windows and horizon) has no cycles: looking for them at Python's own thresholds
cost a fifth of its time."""

log = logging.getLogger(__name__)


def run_stage(settings: Settings, pipeline: Pipeline, stage: str) -> None:
    """Run one stage until SIGTERM or Ctrl-C, serving /metrics and /health.

    Raises `Problem` where a server does not answer, topics do not fit, or the state cannot be rebuilt.
    """
    reach(settings, ("kafka", "schema_registry"))
    partitions = create(pipeline, settings)
    registry = Registry(schema_registry(settings))
    binding = bind(pipeline, stage, prefix=settings.topic_prefix, registry=registry, partitions=partitions)
    port = settings.metrics_port + STAGES.index(stage) if settings.metrics_port else free_port()
    log.info("%s: metrics on http://%s:%d/metrics", stage, settings.metrics_host, port)
    connection = Connection(
        librdkafka=librdkafka(settings), aiokafka=aiokafka(settings), web_host=settings.metrics_host, web_port=port
    )
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        asyncio.run(serve(pipeline.name, binding, connection))
    except Fenced as fenced:
        raise Problem(f"another worker took over a partition of {stage} ({fenced}): start this one again") from fenced


def supervise(target: str, stop: threading.Event, *, debug: bool) -> None:
    """Run every stage of the pipeline `target` in a process of its own until `stop` is set.

    Raises `Problem` with the last words of a stage that ended by itself; the others are stopped first.
    """
    folder = Path(tempfile.mkdtemp(prefix="millrace-worker-"))
    with ExitStack() as running:
        stages = [running.enter_context(stage_process(target, stage, folder, debug=debug)) for stage in STAGES]
        for stage in stages:
            log.info("%s: process %d, log %s", stage.name, stage.pid, stage.log_path)
        while not stop.wait(CHECK_S):
            for stage in stages:
                if not stage.alive:
                    raise stage.problem("ended by itself")


def stage_process(
    target: str, stage: str, logs: Path, *, debug: bool = False, env: Mapping[str, str] | None = None
) -> ServerProcess:
    """A child process that runs one stage, with `env` beside our environment; it ends with the `with`, and with us."""
    command = [sys.executable, "-m", "infra.cli", *(["--debug"] if debug else []), "worker", target, "--stage", stage]
    return ServerProcess(f"the {stage} stage", command, log_path=logs / f"{stage}.log", env=env)
