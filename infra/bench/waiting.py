"""Waits of a bench: each with a limit, each looking at whether what it waits for still runs; and how that is ended."""

import time
from collections.abc import Callable, Sequence

import psutil

from infra.embedded.process import ServerProcess
from schemas.problem import Problem

POLL_S = 0.05


def until(what: str, holds: Callable[[], bool], running: Sequence[ServerProcess], *, within_s: float) -> None:
    """Return once `holds()`. Raises `Problem` where a process ends before, or the time is up."""
    deadline = time.monotonic() + within_s
    while not holds():
        for process in running:
            if not process.alive:
                raise process.problem(f"ended before {what}")
        if time.monotonic() > deadline:
            raise Problem(f"{within_s:g} s were not enough until {what}: try a smaller load, or an idle machine")
        time.sleep(POLL_S)


def until_ended(process: ServerProcess, *, within_s: float) -> None:
    """Return once `process` has ended. Raises `Problem` where the time is up."""
    deadline = time.monotonic() + within_s
    while process.alive:
        if time.monotonic() > deadline:
            raise process.problem(f"did not end within {within_s:g} s")
        time.sleep(POLL_S)


def kill(worker: ServerProcess) -> None:
    """SIGKILL to the process itself; its guard ends with it."""
    for child in psutil.Process(worker.pid).children(recursive=True):
        child.kill()


def passed(moment_s: float, running: Sequence[ServerProcess]) -> None:
    """Return at `moment_s` of the monotonic clock. Raises `Problem` where a process ends before."""
    left_s = moment_s - time.monotonic()
    until("its time was over", lambda: time.monotonic() >= moment_s, running, within_s=left_s + 60.0)
