"""What a restart can cure is restarted, later each time; what it cannot ends everything with its sentence."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from infra.embedded.process import ServerProcess
from infra.supervise import LONGEST_WAIT_S, TRIES, WELL_S, Kept, supervise
from schemas.problem import Outage, Problem
from streams.runtime.app import END_S

WITHIN_S = 30.0


class Bench:
    """A process that does what `programs` say, one after the other, under a clock that a test sets."""

    def __init__(self, kept: "Callable[[Bench], Kept]") -> None:
        self.now_s = 0.0
        self.starts: list[float] = []
        self.kept = kept(self)

    def tend(self) -> None:
        """Wait until the process has ended, and look."""
        deadline = time.monotonic() + WITHIN_S
        while self.kept.process.alive:
            assert time.monotonic() < deadline, "it does not end"
            time.sleep(0.01)
        self.kept.tend()

    def tend_for_ever(self) -> None:
        """Look every half second."""
        while True:
            self.tend()
            self.now_s += 0.5


@contextmanager
def bench(folder: Path, *programs: str) -> Iterator[Bench]:
    with ExitStack() as stack:

        def kept(of: Bench) -> Kept:
            def start() -> ServerProcess:
                program = programs[min(len(of.starts), len(programs) - 1)]
                of.starts.append(of.now_s)
                return ServerProcess("the stage", [sys.executable, "-c", program], log_path=folder / "log")

            return stack.enter_context(Kept(start, lambda: of.now_s))

        yield Bench(kept)


@pytest.mark.parametrize(
    "program",
    [f"raise SystemExit({Outage.status})", "raise KeyError", "import os; os.kill(os.getpid(), 9)", ""],
    ids=["an outage", "a bug", "a kill", "no reason"],
)
def test_what_may_pass_is_started_again_after_a_moment(tmp_path: Path, program: str) -> None:
    with bench(tmp_path, program, "import time; time.sleep(60)") as on:
        on.tend()
        assert on.starts == [0.0]
        on.now_s = 0.5
        on.tend()

        assert on.starts == [0.0, 0.5]
        assert on.kept.process.alive


def test_a_problem_for_a_person_ends_it_at_once(tmp_path: Path) -> None:
    program = f"import sys; print('error: set it right', file=sys.stderr); sys.exit({Problem.status})"
    with bench(tmp_path, program) as on, pytest.raises(Problem, match=r"^the stage ended: set it right$"):
        on.tend()


def test_it_waits_longer_each_time_and_gives_up_in_the_end(tmp_path: Path) -> None:
    with bench(tmp_path, "raise SystemExit(1)") as on:
        with pytest.raises(Problem, match=rf"(?s)ended by itself with status 1; .*\({TRIES} times in a row\)$"):
            on.tend_for_ever()
        waits = [after - before for before, after in zip(on.starts, on.starts[1:], strict=False)]

    assert waits == sorted(waits)
    assert waits[0] == 0.5
    assert LONGEST_WAIT_S <= waits[-1] <= LONGEST_WAIT_S + 1.0
    assert len(on.starts) == TRIES


def test_who_ran_well_for_a_while_is_not_failing_in_a_row(tmp_path: Path) -> None:
    with bench(tmp_path, "raise SystemExit(1)") as on:
        for _ in range(2 * TRIES):
            on.now_s += WELL_S
            on.tend()
            on.now_s += 0.5
            on.tend()

        assert len(on.starts) == 2 * TRIES + 1


def test_what_a_stage_logs_is_passed_on_by_whole_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go_on = tmp_path / "go_on"
    program = f"""
import pathlib, time
print("one", flush=True)
print("tw", end="", flush=True)
while not pathlib.Path({str(go_on)!r}).exists():
    time.sleep(0.01)
print("o, and\\nno more", end="", flush=True)
"""
    with bench(tmp_path, program) as on:
        deadline = time.monotonic() + WITHIN_S
        while "tw" not in on.kept.process.log():
            assert time.monotonic() < deadline, "it says nothing"
            time.sleep(0.01)
        on.kept.tend()
        assert capsys.readouterr().err == "one\n"
        go_on.touch()
        on.tend()

        assert capsys.readouterr().err == "two, and\nno more\n"


AT_ONCE = """
import pathlib, signal, sys, time
folder, me, other = pathlib.Path(sys.argv[1]), *sys.argv[2:]

def end(*_):
    (folder / f"{me}.asked").touch()
    while not (folder / f"{other}.asked").exists():
        time.sleep(0.01)
    (folder / f"{me}.saved").touch()
    sys.exit()

signal.signal(signal.SIGTERM, end)
(folder / f"{me}.up").touch()
time.sleep(60)
"""


def test_each_stage_has_the_time_to_save_that_another_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = ("customer", "score")

    class Up(threading.Event):
        """Set as soon as all run."""

        def wait(self, timeout: float | None = None) -> bool:
            time.sleep(timeout or 0.0)
            return all((tmp_path / f"{each}.up").exists() for each in stages)

    def process(_: str, stage: str, logs: Path, **options: Any) -> ServerProcess:
        (other,) = {*stages} - {stage}
        command: list[str | Path] = [sys.executable, "-c", AT_ONCE, tmp_path, stage, other]
        assert options["grace_s"] == END_S
        return ServerProcess(stage, command, log_path=logs / f"{stage}.log")

    monkeypatch.setattr("infra.supervise.stage_process", process)
    supervise("shop.py:shop", stages, Up(), debug=False)

    assert all((tmp_path / f"{each}.saved").exists() for each in stages)
