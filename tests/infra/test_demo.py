"""`millrace demo` as a person runs it: its figures add up, it equals River, and it leaves nothing however it ends."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.servers import Servers

pytestmark = pytest.mark.servers

WAIT_S = 240.0
END_S = 40.0
MILLRACE = [sys.executable, "-c", "from infra.cli import main; main()"]
PRODUCED = re.compile(r"produced ([\d,]+)")
WITH_GUARDS = 2  # processes for each server, stage and sink


@contextmanager
def demo(folder: Path, *arguments: str, on: Servers | None = None) -> Iterator["subprocess.Popen[str]"]:
    """A running demo with `folder` as its directory and as its place for temporary files."""
    command = [*MILLRACE, "demo", *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=folder, env=environment(folder, on), **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def environment(folder: Path, on: Servers | None) -> Mapping[str, str]:
    """Ours without settings, so that servers are embedded; or with `on` named."""
    kept = {name: value for name, value in os.environ.items() if name == "MILLRACE_CACHE_DIR" or "MILLRACE" not in name}
    named = (
        {}
        if on is None
        else {
            "MILLRACE_KAFKA_BOOTSTRAP": on.kafka_bootstrap,
            "MILLRACE_SCHEMA_REGISTRY_URL": on.registry_url,
            "MILLRACE_CLICKHOUSE_URL": on.clickhouse_url,
        }
    )
    return {**kept, **named, "TMPDIR": str(folder)}


def told(folder: Path, *arguments: str, on: Servers | None = None) -> dict[str, Any]:
    """What a whole demo says with `--json`: one line on standard output, and nothing else."""
    with demo(folder, *arguments, "--json", on=on) as process:
        said, beside = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, beside
    assert said.count("\n") == 1
    figures: dict[str, Any] = json.loads(said)
    return figures


def family(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """All processes that the demo has started by now."""
    return psutil.Process(process.pid).children(recursive=True)


def await_events(process: "subprocess.Popen[str]") -> None:
    """Return once the demo tells of events that it has produced."""
    assert process.stdout is not None
    for line in process.stdout:
        if (found := PRODUCED.search(line)) and found[1] != "0":
            return
    pytest.fail(f"the demo ended before it produced anything: {process.communicate()}")


def survivors(processes: list[psutil.Process]) -> list[psutil.Process]:
    return psutil.wait_procs(processes, timeout=END_S)[1]


def left(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("millrace*")]


def test_the_figures_of_a_short_demo_add_up(tmp_path: Path) -> None:
    figures = told(tmp_path, "--events", "5000")

    assert figures["scored"] == 5_000
    assert figures["duplicate"] == figures["rejected"] == 20
    assert figures["events"] == figures["scored"] + figures["duplicate"] + figures["late"] + figures["rejected"]
    assert figures["rows"] == figures["unique"]
    assert figures["rows"]["scored"] == 5_000
    assert figures["rows"]["outcomes"] == figures["learnt"]
    assert figures["rows"]["rejected"] == 20
    assert figures["rows"]["alerts"] == figures["alerts"]
    assert figures["unlabelled_share"] == pytest.approx(1 - figures["learnt"] / figures["scored"])
    assert figures["labels"] >= figures["learnt"] > 4_500
    assert 0.5 < figures["auc"] <= 1.0
    assert 0.0 < figures["average_precision"] <= 1.0
    assert left(tmp_path) == []


def test_phishing_through_named_servers_equals_river(servers: Servers, tmp_path: Path) -> None:
    figures = told(tmp_path, "--pipeline", "phishing", on=servers)

    assert figures["accuracy"] == figures["river_accuracy"] > 0.85
    assert figures["different"] == 0
    assert figures["events"] == figures["scored"] == figures["learnt"] == 1_250
    assert left(tmp_path) == []


def test_ctrl_c_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    with demo(tmp_path, "--events", "100000") as process:
        await_events(process)
        started = family(process)
        process.send_signal(signal.SIGINT)
        _, beside = process.communicate(timeout=END_S)

    assert process.returncode == 130, beside
    assert len(started) >= 6 * WITH_GUARDS
    assert survivors(started) == []
    assert left(tmp_path) == []
    assert "Traceback" not in beside


def test_a_stage_that_dies_ends_the_demo_with_its_name_and_its_log(servers: Servers, tmp_path: Path) -> None:
    with demo(tmp_path, "--events", "100000", on=servers) as process:
        await_events(process)
        started = family(process)
        next(child for child in started if is_scorer(child.cmdline())).kill()
        _, beside = process.communicate(timeout=END_S)

    assert process.returncode == 2, beside
    assert "the score stage ended by itself; the end of its log" in " ".join(beside.split())
    assert "Traceback" not in beside
    assert survivors(started) == []
    assert [path.name for folder in tmp_path.glob("millrace-demo-*") for path in folder.glob("score.log")]


def is_scorer(command: list[str]) -> bool:
    """Whether it is the score stage itself, not the guard in front of it."""
    return command[-2:] == ["--stage", "score"] and not any("guard" in word for word in command)
