"""A worker from settings: one stage in this process, or a child process for each stage."""

import asyncio
import logging
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from infra import garbage, turns
from infra.embedded.ports import free_port
from infra.embedded.process import GRACE_S, ServerProcess
from infra.pipeline_topics import create, reads
from infra.settings import Settings, aiokafka, librdkafka, reach, schema_registry
from infra.settings.signing import signer
from infra.settings.variables import variable
from infra.slot import instance_id, kept_port
from schemas.problem import Outage, Problem
from schemas.registry import Registry
from streams.pipeline import Pipeline
from streams.plan import stages
from streams.runtime.app import Connection, serve
from streams.runtime.bind import bind, check_stage
from streams.runtime.ports import Fenced

log = logging.getLogger(__name__)


def run_stage(settings: Settings, pipeline: Pipeline, stage: str) -> None:
    """Run one stage until SIGTERM or Ctrl-C, serving /metrics and /health.

    Raises `Problem` where a server does not answer, topics do not fit, or the state cannot be rebuilt.
    """
    reach(settings, ("kafka", "schema_registry"))
    partitions = create(pipeline, settings)
    check_stage(pipeline, partitions, stage)
    port = _metrics_port(settings, stages(pipeline, partitions).index(stage))
    registry = Registry(schema_registry(settings))
    binding = bind(
        pipeline,
        stage,
        prefix=settings.topic_prefix,
        registry=registry,
        partitions=partitions,
        reads=reads(pipeline, settings).get(stage),
    )
    garbage.seldom()
    turns.soon()
    try:
        with instance_id(binding.group, settings.data_dir) as member:
            port = port or (kept_port(member, settings.data_dir) if pipeline.requests else free_port())
            log.info("%s: metrics on http://%s:%d/metrics", stage, settings.metrics_host, port)
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
        signer=signer(settings),
        accept_divergence=settings.accept_divergence,
    )


def _metrics_port(settings: Settings, place: int) -> int:
    """The port for /metrics of the stage at this place: counted up from the one that is set; 0 where any will do."""
    if not settings.metrics_port:
        return 0
    port = settings.metrics_port + place
    try:
        socket.create_server((settings.metrics_host, port)).close()
    except OSError as error:
        raise Problem(
            f"/metrics cannot be served on {settings.metrics_host}:{port} ({error.strerror}): set "
            f"{variable('metrics_port')} to a free port, or to 0"
        ) from error
    return port


def stage_process(
    target: str,
    stage: str,
    logs: Path,
    *,
    debug: bool = False,
    env: Mapping[str, str] | None = None,
    grace_s: float = GRACE_S,
) -> ServerProcess:
    """A child process that runs one stage, with `env` beside our environment; it ends with the `with`, and with us."""
    program = [sys.executable, "-P", "-m", "infra.cli"]  # -P: nothing in the working directory shadows our packages
    command = [*program, *(["--debug"] if debug else []), "worker", target, "--stage", stage]
    return ServerProcess(f"the {stage} stage", command, log_path=logs / f"{stage}.log", env=env, grace_s=grace_s)
