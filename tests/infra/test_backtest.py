"""`millrace backtest` as a person runs it: files in, figures out, or one sentence."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from typer.testing import CliRunner, Result

from infra.cli import app
from schemas.problem import Problem
from tests.infra.backtest.stream import folded, rows, scores, written
from tests.streams import builders

DEFINITION = """
from river.anomaly import HalfSpaceTrees
from river.linear_model import LinearRegression
from river.naive_bayes import GaussianNB
from river.preprocessing import StandardScaler
from streams import Field, Labels, Pipeline
from tests.streams.builders import Tap, pipeline

taps = pipeline(name="taps")
bayes = pipeline(name="bayes", model=lambda: GaussianNB())
twin = pipeline(name="taps", version=2)
inside = pipeline(
    name="inside",
    labels=Labels(field="amount", task="regression"),
    features=[Field("tip", default=0.0)],
    model=lambda: StandardScaler() | LinearRegression(),
)
named = pipeline(name="named", labels=Labels(field="card", task="multiclass"), model=lambda: GaussianNB())
silent = pipeline(name="silent", labels=None, model=lambda: HalfSpaceTrees(seed=1))
"""
LABELLED = ("--label-field", "fraud", "--label-delay", "40ms")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The definitions, and beside them the events."""
    written(tmp_path / "taps.csv", rows())
    path = tmp_path / "taps.py"
    path.write_text(DEFINITION)
    return path


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["backtest", *arguments], env={"COLUMNS": "200"}, catch_exceptions=False)


def events(file: Path) -> str:
    return str(file.with_suffix(".csv"))


def said(*arguments: str) -> dict[str, Any]:
    ran = ask(*arguments, "--json")
    assert ran.exit_code == 0, ran.output
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def test_figures_of_two_pipelines_and_their_scores(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.parquet"
    targets = [f"{file}:taps", f"{file}:bayes"]
    found = said(*targets, "--events", events(file), *LABELLED, "--scores", str(out))

    known = sum(row.fraud is not None for row in rows())
    assert list(found["pipelines"]) == ["taps", "bayes"]
    for pipeline in found["pipelines"].values():
        overall = pipeline["overall"]
        assert (overall["events"], overall["labels"]) == (400, known)
        assert overall["unlabelled_share"] == 1 - known / 400
        assert set(overall) >= {"model", "no_change", "prior"}
        assert overall["model"]["roc_auc"] > overall["prior"]["roc_auc"]
        assert sum(day["events"] for day in pipeline["days"]) == sum(m["events"] for m in pipeline["maturities"]) == 400
    assert found["records"] == {events(file): 400, f"{events(file)} (fraud)": known}
    assert found["events_per_cpu_s"] > 0
    (entrant,) = folded(Path(events(file)), builders.pipeline())
    table = pyarrow.parquet.read_table(out).to_pylist()
    assert {row["event_id"]: row["taps"].hex() for row in table} == scores(entrant)
    assert {row["event_id"]: row["label"] for row in table} == {row.tap_id: row.fraud for row in rows()}
    assert list(table[0]) == ["event_id", "event_time", "label", "taps", "bayes"]


def test_people_see_tables(file: Path) -> None:
    ran = ask(f"{file}:taps", "--events", events(file), *LABELLED)

    assert ran.exit_code == 0
    words = ran.stdout.split()
    assert {"roc_auc", "average_precision", "log_loss", "brier", "kappa", "1970-01-01", "unlabelled"} <= set(words)
    assert "of CPU" in ran.stdout


def test_two_versions_of_one_pipeline_are_told_apart_by_their_names_in_the_file(file: Path) -> None:
    found = said(f"{file}:taps", f"{file}:twin", "--events", events(file), *LABELLED)

    assert list(found["pipelines"]) == ["taps", "twin"]
    assert found["pipelines"]["taps"] == found["pipelines"]["twin"]


@pytest.mark.parametrize(
    ("name", "figures"),
    [
        ("inside", {"mae", "rmse", "r2"}),
        ("named", {"accuracy", "kappa", "macro_f1", "log_loss"}),
        ("silent", set()),
    ],
)
def test_every_task_has_its_figures(file: Path, tmp_path: Path, name: str, figures: set[str]) -> None:
    out = tmp_path / "out.parquet"
    found = said(f"{file}:{name}", "--events", events(file), "--scores", str(out))["pipelines"][name]

    assert set(found["overall"]["model"]) == figures
    assert found["overall"]["labels"] == (400 if figures else 0)
    assert ask(f"{file}:{name}", "--events", events(file)).exit_code == 0
    table = pyarrow.parquet.read_table(out).to_pylist()
    fields = {"inside": "amount", "named": "card"}
    assert [row["label"] for row in table] == [getattr(row, fields.get(name, ""), None) for row in rows()]
    if name == "named":
        hits = sum(row["named.class"] == row["label"] for row in table if row["named.class"] is not None)
        assert hits / sum(row["named.class"] is not None for row in table) == found["overall"]["model"]["accuracy"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--events", "EVENTS"), "nothing says where they are: add --labels FILE, or --label-field"),
        (("--events", "EVENTS", "--label-field", "fraud"), "belong together"),
        (("--events", "EVENTS", "--label-field", "frau", "--label-delay", "1d"), "has no column frau"),
        (("--events", "EVENTS", *LABELLED, "--labels", "EVENTS"), "contradict each other"),
        (("--events", "EVENTS", *LABELLED, "--then-live"), "goes on with the topics: leave --events"),
        (("--events", "EVENTS", "--labels", "none.csv"), r"there is no file none\.csv"),
        (("--events", "EVENTS", *LABELLED, "--scores", "out.csv"), r"call it out\.parquet"),
        (("--events", "EVENTS", *LABELLED, "--scores", "nowhere/out.parquet"), "there is no folder nowhere"),
        (("--events", "EVENTS", *LABELLED, "--until", "soon"), "--until soon is no time"),
        (("--events", "EVENTS", *LABELLED, "--scores", "."), "is a folder: name a file in it"),
        (("--events", "EVENTS", *LABELLED, "--from", "1960-01-01"), "--from 1960-01-01: .* is before 1970"),
        (
            ("--events", "EVENTS", *LABELLED, "--from", "2026-01-01"),
            "no event was scored .*there are some, between --from",
        ),
        (("--label-field", "fraud", "--label-delay", "1d"), "are about files: name the events with --events"),
    ],
)
def test_what_cannot_work_is_one_sentence(file: Path, arguments: tuple[str, ...], told: str) -> None:
    given = [events(file) if each == "EVENTS" else each for each in arguments]

    with pytest.raises(Problem, match=told):
        ask(f"{file}:taps", *given)


def test_pipelines_that_read_different_events_are_not_compared(file: Path) -> None:
    with pytest.raises(Problem, match="taps has the event class Tap, payments has Payment"):
        ask(f"{file}:taps", "infra.pipelines.payments:payments", "--events", events(file), *LABELLED)


def test_a_pipeline_that_is_named_twice_is_refused(file: Path) -> None:
    with pytest.raises(Problem, match="is named twice"):
        ask(f"{file}:taps", f"{file}:taps", "--events", events(file), *LABELLED)
