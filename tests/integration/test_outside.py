"""A user's pipeline, outside the repository, with the wheel in an environment of its own."""

import csv
import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import clickhouse_connect
import pytest

from infra.settings import Settings, clickhouse
from streams.load import load
from tests.integration.harness import environment, wait_folded

REPOSITORY = Path(__file__).parents[2]
WITHIN_S = 120.0
ROWS = 400
START = datetime(2026, 3, 2, tzinfo=UTC)
NEEDED = (
    "infra/migrations/0001_tables.sql",
    "infra/embedded/artifacts.txt",
    "infra/embedded/guard.py",
    "infra/dashboards/millrace.json",
    "infra/compose.yaml",
)

PIPELINE = '''
"""The temperature of a machine, told from its load."""

from datetime import datetime

from limits import HIGHEST
from pydantic import BaseModel, Field as Described
from river.linear_model import LinearRegression
from river.preprocessing import StandardScaler

from streams import Field, Labels, Pipeline, per


class Reading(BaseModel):
    reading_id: int
    read_at: datetime
    machine: str
    load: float = Described(ge=0, le=HIGHEST)


class Temperature(BaseModel):
    reading_id: int
    machine: str
    degrees: float
    known_at: datetime


machines = Pipeline(
    name="machines",
    event=Reading,
    id="reading_id",
    time="read_at",
    labels=Labels(Temperature, id="reading_id", field="degrees", time="known_at", task="regression"),
    features=[Field("load"), per("machine").over("1h").mean("load")],
    model=lambda: StandardScaler() | LinearRegression(intercept_lr=0.1),
)
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the repository."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=REPOSITORY, check=True, capture_output=True, timeout=WITHIN_S)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def millrace(wheel: Path, tmp_path: Path) -> Path:
    """The console script in an environment that has the wheel and our dependencies, but nothing of the repository."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, capture_output=True, timeout=WITHIN_S)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # a plain path: no .pth in it is read
    return home / "bin" / "millrace"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder, in which some names are those of our packages."""
    made = tmp_path / "plant"
    (made / "tests").mkdir(parents=True)
    for neighbour in ("schemas.py", "streams.py", "infra.py", "tests/__init__.py"):
        (made / neighbour).write_text("raise RuntimeError('this is not what was meant')\n")
    (made / "limits.py").write_text("HIGHEST = 100.0\n")
    (made / "pipeline.py").write_text(PIPELINE)
    draw = Random(1)
    with (made / "data.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["reading_id", "read_at", "machine", "load", "degrees"])
        for number in range(ROWS):
            load = draw.uniform(0.0, 100.0)
            at = (START + number * timedelta(minutes=5)).isoformat()
            rows.writerow([number, at, f"m{number % 3}", load, 20.0 + 0.5 * load])
    return made


def test_the_wheel_holds_what_is_needed_when_it_runs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        held = set(packed.namelist())

    assert set(NEEDED) <= held
    assert not any(name.startswith("tests/") for name in held)


@pytest.mark.servers
def test_a_users_regression_runs_from_the_wheel(settings: Settings, millrace: Path, folder: Path) -> None:
    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [millrace, *arguments, "--json"],
            cwd=folder,
            env=outside(settings),
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    labels = ("--label-field", "degrees", "--label-delay", "1h")
    fed = run("produce", "pipeline.py:machines", "--file", "data.csv", *labels)
    with worker(settings, millrace, folder):
        wait_folded(settings, load(f"{folder / 'pipeline.py'}:machines"), within_s=WITHIN_S)
    written = run("sink", "pipeline.py:machines", "--until-idle")
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
        asked = "SELECT count(), avg(abs(score - target)) FROM outcomes WHERE event_time > {t:DateTime}"
        late = client.query(asked, parameters={"t": START + timedelta(minutes=5 * (ROWS - 50))}).result_rows

    assert (fed["events"], fed["labels"]) == (ROWS, ROWS)
    assert (written["rows"]["scored"], written["rows"]["outcomes"]) == (ROWS, ROWS)
    ((count, error),) = late
    assert count == 49
    assert error < 2.0


def outside(settings: Settings) -> dict[str, str]:
    """An environment in which nothing leads to the repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MILLRACE_", "PYTHON"))}
    return {**kept, **environment(settings)}


@contextmanager
def worker(settings: Settings, millrace: Path, folder: Path) -> Iterator[None]:
    """`millrace worker`, ended as a service manager does it."""
    command = [str(millrace), "worker", "pipeline.py:machines"]
    with (folder / "worker.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=outside(settings), stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
            assert process.poll() is None, (folder / "worker.log").read_text()
        finally:
            process.terminate()
            status = process.wait(WITHIN_S)
    assert status == 0, (folder / "worker.log").read_text()
