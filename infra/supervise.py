"""Every stage in a process of its own, its log passed on, started again where that can cure what ended it."""

import logging
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from infra.embedded.process import ServerProcess
from infra.run_worker import stage_process
from schemas.problem import Problem
from streams.runtime.app import END_S

CHECK_S = 0.2
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
TRIES = 10
WELL_S = 60.0
"""Who has run so long is not failing in a row."""

TOLD = "error: "
"""How a command begins to say what is wrong."""

log = logging.getLogger(__name__)


def supervise(target: str, names: Sequence[str], stop: threading.Event, *, debug: bool) -> None:
    """Run the stages with these `names` of the pipeline `target` until `stop` is set.

    Raises `Problem` where one ends with a problem that a person has to cure, or again and again; the others are
    stopped first.
    """
    folder = Path(tempfile.mkdtemp(prefix="millrace-worker-"))
    with ExitStack() as running:
        starts = [partial(stage_process, target, name, folder, debug=debug, grace_s=END_S) for name in names]
        stages = [running.enter_context(Kept(start)) for start in starts]
        running.callback(_ask_to_stop, stages)  # first of all: each has the time that another takes
        while not stop.wait(CHECK_S):
            for stage in stages:
                stage.tend()
    shutil.rmtree(folder, ignore_errors=True)


def _ask_to_stop(stages: Sequence["Kept"]) -> None:
    for stage in stages:
        stage.process.ask_to_stop()


class Kept:
    """A process that `start` starts, again and again, later each time; stopped at the end of the `with`."""

    def __init__(self, start: Callable[[], ServerProcess], clock: Callable[[], float] = time.monotonic) -> None:
        self._start = start
        self._clock = clock
        self._failures = 0
        self._again_s: float | None = None
        self._run()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.process.stop()
        self._pass_on()

    def _run(self) -> None:
        self.process = self._start()
        self._started_s, self._again_s = self._clock(), None
        log.info("%s: process %d", self.process.name, self.process.pid)

    def tend(self) -> None:
        """Start it again where it has ended and its time has come. Raises `Problem` where that cannot help."""
        alive = self.process.alive
        self._pass_on()
        if alive:
            return
        if self._again_s is None:
            self._again_s = self._clock() + self._wait_s()
        if self._clock() >= self._again_s:
            self.process.stop()
            self._run()

    def _pass_on(self) -> None:
        """What it has logged since, for whoever looks at ours; its last words are told with what is done about them."""
        with suppress(OSError):  # our terminal is gone, and its log goes on
            for line in self.process.log_lines():
                if not line.startswith(TOLD):
                    sys.stderr.write(f"{line}\n")

    def _wait_s(self) -> float:
        """How long to wait now that it has ended."""
        said = _last_words(self.process)
        if self.process.status == Problem.status:
            raise said
        self._failures = 1 if self._clock() - self._started_s >= WELL_S else self._failures + 1
        if self._failures == TRIES:
            raise Problem(f"{said}\n({TRIES} times in a row)")
        wait_s: float = min(FIRST_WAIT_S * 2 ** (self._failures - 1), LONGEST_WAIT_S)
        log.warning("%s\nstarting it again in %g s", said, wait_s)
        return wait_s


def _last_words(process: ServerProcess) -> Problem:
    """What it said last, where that was one sentence for the person at the terminal; else the end of its log."""
    _, told, sentence = (process.log().rstrip().splitlines() or [""])[-1].partition(TOLD)
    if told:
        return Problem(f"{process.name} ended: {sentence}")
    return process.problem(f"ended by itself with status {process.status}")
