"""Child processes: readiness, logs, clean stops, and no orphan whatever happens to the parent."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil
import pytest

from infra.embedded.process import ServerProcess
from schemas.problem import Problem

WAIT_S = 20.0
TALKS = "import time; print('hello', flush=True); time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
PARENT = """
import sys, time
from pathlib import Path
from infra.embedded import process
process.GRACE_S = 0.5
server = process.ServerProcess("test", [sys.executable, "-c", sys.argv[1]], log_path=Path(sys.argv[2]))
server.wait_ready(lambda: bool(server.log()), within_s=20)
print("up", flush=True)
time.sleep(600)
"""


def start(code: str, tmp_path: Path) -> ServerProcess:
    return ServerProcess("test", [sys.executable, "-c", code], log_path=tmp_path / "test.log")


def family(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def survivors(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    deadline = time.monotonic() + WAIT_S
    left = list(processes)
    while left and time.monotonic() < deadline:
        _, left = psutil.wait_procs(left, timeout=0.1)
        left = [process for process in left if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]
    return left


def test_a_server_is_ready_when_it_says_so_and_gone_when_stopped(tmp_path: Path) -> None:
    with start(TALKS, tmp_path) as server:
        server.wait_ready(lambda: "hello" in server.log(), within_s=WAIT_S)
        processes = family(server.pid)

    assert len(processes) == 2
    assert not survivors(processes)
    assert not server.alive


def test_a_server_deaf_to_sigterm_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.embedded.process.GRACE_S", 0.3)
    with start(DEAF, tmp_path) as server:
        server.wait_ready(lambda: "deaf" in server.log(), within_s=WAIT_S)
        processes = family(server.pid)

    assert not survivors(processes)


def test_a_server_that_ends_while_starting_shows_its_last_words(tmp_path: Path) -> None:
    server = start("import sys; print('no such disk'); sys.exit(3)", tmp_path)

    with pytest.raises(Problem, match=r"(?s)test ended with status 3 while starting.*test\.log.*no such disk"):
        server.wait_ready(lambda: False, within_s=WAIT_S)


def test_a_server_that_is_never_ready_is_stopped(tmp_path: Path) -> None:
    server = start(TALKS, tmp_path)

    with pytest.raises(Problem, match=r"test was not ready within 0\.3 s"):
        server.wait_ready(lambda: False, within_s=0.3)
    assert not server.alive


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("code", [TALKS, DEAF], ids=["polite", "deaf"])
def test_no_server_outlives_its_parent(tmp_path: Path, number: signal.Signals, code: str) -> None:
    command = [sys.executable, "-c", PARENT, code, str(tmp_path / "test.log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "up\n"
        processes = family(parent.pid)[1:]
        parent.send_signal(number)

    assert len(processes) == 2
    assert not survivors(processes)
