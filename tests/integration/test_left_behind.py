"""However `millrace worker` ends, no process of it is left."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from infra.settings import Settings
from tests.integration.harness import MILLRACE, PIPELINES, POLL_S, STARTED_S, environment

TARGET = f"{PIPELINES / 'till.py'}:till"
GONE_S = 30.0
PROCESSES = 4  # two stages, each behind its guard


@pytest.mark.servers
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "killed"])
def test_nothing_is_left_of_a_worker(settings: Settings, tmp_path: Path, number: signal.Signals) -> None:
    said = tmp_path / "worker.log"
    with said.open("wb") as log:
        command = [*MILLRACE, "worker", TARGET]
        variables = {**os.environ, **environment(settings), "TMPDIR": str(tmp_path)}
        supervisor = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
    try:
        wait_for_partitions(tmp_path, supervisor)
        family = psutil.Process(supervisor.pid).children(recursive=True)
        supervisor.send_signal(number)
        status = supervisor.wait(GONE_S)
    finally:
        supervisor.kill()
    _, left = psutil.wait_procs(family, timeout=GONE_S)

    assert len(family) == PROCESSES
    assert left == []
    assert status == (0 if number is signal.SIGINT else -signal.SIGKILL), said.read_text()


def wait_for_partitions(folder: Path, supervisor: "subprocess.Popen[bytes]") -> None:
    """Return once both stages own a partition."""
    deadline = time.monotonic() + STARTED_S
    logs: list[str] = []
    while sum("is ours" in log for log in logs) < 2:
        assert supervisor.poll() is None, "the worker ended by itself"
        assert time.monotonic() < deadline, "\n".join(logs)
        time.sleep(POLL_S)
        logs = [path.read_text() for path in folder.glob("millrace-worker-*/*.log")]
