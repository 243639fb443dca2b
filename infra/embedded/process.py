"""A server as a child process: its log in a file, a bounded wait until it is ready, a clean stop, no orphan."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from schemas.problem import Problem

GUARD = Path(__file__).with_name("guard.py")
GRACE_S = 8.0
POLL_S = 0.05
TAIL_LINES = 12


class ServerProcess:
    """`command` as a child whose output goes to `log_path`; it ends with `stop()`, and with us, even by SIGKILL.

    Between the server and us stands `guard.py`, which holds the end of a pipe: the server is stopped (SIGTERM, after
    `grace_s` SIGKILL to its group) as soon as our end closes. So a stop and our death are one and the same path.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log_path: Path,
        env: Mapping[str, str] | None = None,
        grace_s: float = GRACE_S,
    ) -> None:
        self.name = name
        self._grace_s = grace_s
        self.log_path = log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        guarded = [sys.executable, "-I", "-S", str(GUARD), str(os.getpid()), str(grace_s), *map(str, command)]
        with log_path.open("ab") as log:
            self._log_start = self._log_told = log.tell()
            self._child = subprocess.Popen(
                guarded,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
                start_new_session=True,  # Ctrl-C in the terminal is for us; we stop the servers in order
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The guard's process id, which is also the id of the server's process group."""
        return self._child.pid

    @property
    def alive(self) -> bool:
        """Whether the server still runs."""
        return self._child.poll() is None

    @property
    def status(self) -> int | None:
        """Its exit status, as a shell tells it, where it ended by itself."""
        return self._child.returncode

    @property
    def cpu_s(self) -> float:
        """User and system time of what runs behind the guard, seconds; what has ended meanwhile is left out."""
        spent = 0.0
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    spent += sum(child.cpu_times()[:2])
        return spent

    def log(self) -> str:
        """What the server has written since it was started."""
        with self.log_path.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace")

    def log_lines(self) -> list[str]:
        """The whole lines that it has written since this was last asked; once it has ended, the rest too."""
        ended = not self.alive
        with self.log_path.open("rb") as log:
            log.seek(self._log_told)
            new = log.read()
        whole = new if ended else new[: new.rfind(b"\n") + 1]
        self._log_told += len(whole)
        return whole.decode(errors="replace").splitlines()

    def listens(self, port: int) -> bool:
        """Whether the server itself, not a stranger who took its port, listens on `port`."""
        for process in psutil.Process(self.pid).children(recursive=True) if self.alive else []:
            with contextlib.suppress(psutil.Error):
                for socket in process.net_connections("tcp"):
                    if socket.status == psutil.CONN_LISTEN and socket.laddr.port == port:
                        return True
        return False

    def wait_ready(self, ready: Callable[[], bool], *, within_s: float) -> None:
        """Return once `ready()` holds; otherwise stop the server and raise a Problem with the end of its log."""
        deadline = time.monotonic() + within_s
        try:
            while not ready():
                if not self.alive:
                    raise self.problem(f"ended with status {self._child.returncode} while starting")
                if time.monotonic() > deadline:
                    raise self.problem(f"was not ready within {within_s:g} s")
                time.sleep(POLL_S)
        except BaseException:
            self.stop()
            raise

    def problem(self, what: str) -> Problem:
        """What happened to this server, with the end of its log."""
        lines = self.log().splitlines()[-TAIL_LINES:]
        return Problem("\n".join([f"{self.name} {what}; the end of its log {self.log_path}:", *lines]))

    def ask_to_stop(self) -> None:
        """Have the server end, and do not wait for it."""
        if self._child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._child.stdin.close()

    def stop(self) -> None:
        """End the server and wait until it is gone. Doing so twice is harmless."""
        self.ask_to_stop()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(self._grace_s + 2)
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM where only the dead are left
            os.killpg(self.pid, signal.SIGKILL)
        self._child.wait()
