"""A sink that is started before the worker has made its topics."""

import signal
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient

from infra.audit.group import group_of
from infra.embedded.process import ServerProcess
from infra.pipeline_topics import create
from infra.settings import Settings, librdkafka
from streams.load import load
from tests.integration.harness import MILLRACE, PIPELINES, STARTED_S, environment, wait

pytestmark = pytest.mark.servers

TILL = f"{PIPELINES / 'till.py'}:till"


def sink(settings: Settings, logs: Path) -> ServerProcess:
    return ServerProcess("the sink", [*MILLRACE, "sink", TILL], log_path=logs / "sink.log", env=environment(settings))


def test_it_waits_for_them_and_joins(settings: Settings, tmp_path: Path) -> None:
    pipeline = load(TILL)
    named = pipeline.topics(settings.topic_prefix)
    admin = AdminClient({**librdkafka(settings)})
    with sink(settings, tmp_path) as waiting:
        wait("it waits", lambda: "creates them" in waiting.log(), [waiting], within_s=STARTED_S)
        create(pipeline, settings)
        wait("it joins", lambda: bool(group_of(admin, named.sink).members), [waiting], within_s=STARTED_S)

    assert waiting.log().count("creates them") == 1


def test_it_can_be_stopped_meanwhile(settings: Settings, tmp_path: Path) -> None:
    with sink(settings, tmp_path) as waiting:
        wait("it waits", lambda: "creates them" in waiting.log(), [waiting], within_s=STARTED_S)

        (command,) = psutil.Process(waiting.pid).children()
        command.send_signal(signal.SIGTERM)
        wait("it ends", lambda: not waiting.alive, [], within_s=STARTED_S)

    assert waiting.status == 0, waiting.log()
