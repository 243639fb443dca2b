"""A worker from settings: one stage in this process, or a child process for each stage."""

import asyncio
import gc
import logging
import shutil
import socket
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
from infra.settings.variables import variable
from infra.slot import instance_id
from schemas.problem import Outage, Problem
from schemas.registry import Registry
from streams.pipeline import Pipeline
from streams.runtime.app import Connection, serve
from streams.runtime.bind import STAGES, bind
from streams.runtime.ports import Fenced

CHECK_S = 0.2
TOLD = "error: "
"""How a command begins to say what is wrong."""

GC_THRESHOLDS = (50_000, 20, 100)
"""What a stage keeps (events within windows and horizon) has no cycles: looking for them at Python's own thresholds
cost a fifth of its time."""

log = logging.getLogger(__name__)


def run_stage(settings: Settings, pipeline: Pipeline, stage: str) -> None:
    """Run one stage until SIGTERM or Ctrl-C, serving /metrics and /health.

    Raises `Problem` where a server does not answer, topics do not fit, or the state cannot be rebuilt.
    """
    port = _metrics_port(settings, stage)
    reach(settings, ("kafka", "schema_registry"))
    partitions = create(pipeline, settings)
    registry = Registry(schema_registry(settings))
    binding = bind(pipeline, stage, prefix=settings.topic_prefix, registry=registry, partitions=partitions)
    log.info("%s: metrics on http://%s:%d/metrics", stage, settings.metrics_host, port)
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        with instance_id(binding.group) as member:
            asyncio.run(serve(pipeline.name, binding, _connection(settings, member, port)))
    except Fenced as fenced:
        raise Outage(f"another worker took over a partition of {stage} ({fenced}): start this one again") from fenced


def _connection(settings: Settings, member: str, port: int) -> Connection:
    return Connection(
        librdkafka=librdkafka(settings),
        aiokafka=aiokafka(settings),
        instance_id=member,
        web_host=settings.metrics_host,
        web_port=port,
        ledger_key=settings.ledger_key.get_secret_value().encode() if settings.ledger_key else None,
        accept_divergence=settings.accept_divergence,
    )


def _metrics_port(settings: Settings, stage: str) -> int:
    """The stage's port for /metrics: counted up from the one that is set, or a free one."""
    if not settings.metrics_port:
        return free_port()
    port = settings.metrics_port + (STAGES.index(stage) if stage in STAGES else 0)
    try:
        socket.create_server((settings.metrics_host, port)).close()
    except OSError as error:
        raise Problem(
            f"/metrics cannot be served on {settings.metrics_host}:{port} ({error.strerror}): set "
            f"{variable('metrics_port')} to a free port, or to 0"
        ) from error
    return port


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
                    raise _ended(stage)
    shutil.rmtree(folder, ignore_errors=True)


def _ended(stage: ServerProcess) -> Problem:
    """What a stage said last, where that was one sentence for the person at the terminal; else the end of its log."""
    _, told, sentence = (stage.log().rstrip().splitlines() or [""])[-1].partition(TOLD)
    return Problem(f"{stage.name} ended: {sentence}") if told else stage.problem("ended by itself")


def stage_process(
    target: str, stage: str, logs: Path, *, debug: bool = False, env: Mapping[str, str] | None = None
) -> ServerProcess:
    """A child process that runs one stage, with `env` beside our environment; it ends with the `with`, and with us."""
    program = [sys.executable, "-P", "-m", "infra.cli"]  # -P: nothing in the working directory shadows our packages
    command = [*program, *(["--debug"] if debug else []), "worker", target, "--stage", stage]
    return ServerProcess(f"the {stage} stage", command, log_path=logs / f"{stage}.log", env=env)
