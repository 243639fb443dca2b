"""`millrace up` as a person runs it: reachable, alone on its data, and gone without a trace however it ends."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from infra.embedded.ports import LOOPBACK

pytestmark = pytest.mark.servers

WAIT_S = 120.0
END_S = 30.0
MILLRACE = [sys.executable, "-c", "from infra.cli import main; main()"]


class Up:
    """A running `millrace up`, what it said and the processes it started."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.process = process
        self.said: dict[str, Any] = json.loads(process.stdout.readline())
        self.family = psutil.Process(process.pid).children(recursive=True)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(END_S)

    def survivors(self) -> list[psutil.Process]:
        return psutil.wait_procs(self.family, timeout=END_S)[1]


@contextmanager
def up(*arguments: str) -> Iterator[Up]:
    command = [*MILLRACE, "up", "--json", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Up(process)
        finally:
            process.kill()


def refused(*arguments: str) -> str:
    done = subprocess.run([*MILLRACE, "up", *arguments], capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


def create(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(END_S)


def topics(bootstrap: str) -> set[str]:
    return set(AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=END_S).topics)


def test_nothing_is_left_after_ctrl_c_while_starting(tmp_path: Path) -> None:
    with subprocess.Popen([*MILLRACE, "up", "--data-dir", str(tmp_path)], stdout=subprocess.PIPE) as process:
        children: list[psutil.Process] = []
        deadline = time.monotonic() + END_S
        while len(children) < 3 and time.monotonic() < deadline:
            children = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        status = process.wait(END_S)

    assert status == 130
    assert len(children) >= 3
    assert psutil.wait_procs(children, timeout=END_S)[1] == []


def test_topics_outlive_a_kill_and_addresses_stay(tmp_path: Path) -> None:
    with up("--data-dir", str(tmp_path)) as first:
        create(first.said["kafka_bootstrap"], "kept")
        also = refused("--data-dir", str(tmp_path))
        killed = first.end(signal.SIGKILL), first.survivors()
    with up("--data-dir", str(tmp_path)) as second:
        found = topics(second.said["kafka_bootstrap"])
        ended = second.end(signal.SIGTERM), second.survivors()

    assert killed == (-9, [])
    assert ended == (0, [])
    assert "kept" in found
    assert second.said == first.said
    assert f"{tmp_path} is in use by another Millrace: stop it" in also


def test_two_side_by_side_do_not_meet_and_leave_nothing() -> None:
    with up() as one, up() as other:
        for running in (one, other):
            create(running.said["kafka_bootstrap"], f"of-{running.process.pid}")
        found = [topics(running.said["kafka_bootstrap"]) for running in (one, other)]
        ended = [(running.end(signal.SIGINT), running.survivors()) for running in (one, other)]

    assert ended == [(0, [])] * 2
    assert not any(Path(running.said["data_dir"]).exists() for running in (one, other))
    assert found == [{f"of-{one.process.pid}"}, {f"of-{other.process.pid}"}]
    assert not set(one.said["environment"].values()) & set(other.said["environment"].values())


def test_a_port_in_use_is_told_in_a_sentence() -> None:
    with socket.socket() as server:
        server.bind((LOOPBACK, 0))
        server.listen()
        port = server.getsockname()[1]
        told = refused("--kafka-port", str(port))

    assert f"port {port}, asked for kafka, is in use: stop what listens there" in told
