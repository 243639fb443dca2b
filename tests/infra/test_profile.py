"""`millrace profile` as a person runs it: a file in, a table, JSON or a page out, or one sentence."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from infra.cli import app
from infra.profile.model import Profile
from schemas.problem import Problem
from tests.infra.backtest.stream import rows, written
from tests.infra.test_backtest import DEFINITION


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Definitions, and beside them the events."""
    written(tmp_path / "taps.csv", rows())
    path = tmp_path / "taps.py"
    path.write_text(DEFINITION)
    return path


def ask(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["profile", *arguments], env={"COLUMNS": "160"}, catch_exceptions=False)


def said(*arguments: str) -> Profile:
    ran = ask(*arguments, "--json")
    assert ran.exit_code == 0, ran.output
    return Profile.model_validate_json(ran.stdout)


def events(file: Path) -> str:
    return str(file.with_suffix(".csv"))


def test_a_file_needs_no_pipeline(file: Path) -> None:
    profile = said("--events", events(file), "--time", "at_ms", "--id", "tap_id", "--label-field", "fraud")

    assert profile.rows == 400
    assert {field.name: field.kind for field in profile.fields} == {
        "tap_id": "identifier",
        "at_ms": "time",
        "card": "category",
        "amount": "number",
    }
    assert profile.labels is not None
    assert profile.labels.task == "binary"
    assert profile.labels.labelled == sum(row.fraud is not None for row in rows())


def test_a_pipeline_says_what_the_fields_are(file: Path) -> None:
    profile = said(f"{file}:taps", "--events", events(file), "--label-field", "fraud")

    assert (profile.title, profile.time, profile.id) == ("taps", "at_ms", "tap_id")
    assert {field.name: field.kind for field in profile.fields} == {
        "tap_id": "identifier",
        "at_ms": "time",
        "card": "category",
        "amount": "number",
        "tip": "empty",
        "shop": "category",
    }


def test_what_windows_are_per_is_a_name_though_it_be_a_number(file: Path) -> None:
    written(file.with_suffix(".csv"), [row._replace(card=str(ord(row.card))) for row in rows()])
    kinds = {each.name: each.kind for each in said("--events", events(file)).fields}
    named = {each.name: each.kind for each in said(f"{file}:taps", "--events", events(file)).fields}

    assert (kinds["card"], named["card"]) == ("number", "category")


def test_labels_of_a_file_meet_their_events(file: Path) -> None:
    labels = file.with_name("found.csv")
    known = [row for row in rows() if row.fraud is not None]
    labels.write_text("tap_id,known_ms,fraud\n" + "".join(f"{r.tap_id},{r.at_ms + 250},{r.fraud}\n" for r in known))
    profile = said(f"{file}:taps", "--events", events(file), "--labels", str(labels))

    assert profile.labels is not None
    assert profile.labels.labelled == len(known)
    assert profile.labels.delays is not None
    assert set(profile.labels.delays.quantiles.values()) == {0.25}


def test_a_label_inside_the_event_is_no_field_of_it(file: Path) -> None:
    profile = said(f"{file}:inside", "--events", events(file))

    assert profile.labels is not None
    assert (profile.labels.field, profile.labels.task) == ("amount", "regression")
    assert "amount" not in [field.name for field in profile.fields]


def test_people_see_a_table_and_have_a_page(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "taps.html"
    ran = ask("--events", events(file), "--time", "at_ms", "--label-field", "fraud", "--out", str(out))

    assert ran.exit_code == 0
    assert {"400", "card", "amount", "number", "distinct", "drift"} <= set(ran.stdout.split())
    assert "label fraud: " in ran.stdout
    assert out.read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "nothing says what to read"),
        (("--events", "EVENTS", "--labels", "EVENTS"), "--labels needs a pipeline"),
        (("--events", "EVENTS", "--label-time", "at_ms"), "name that too"),
        (("--events", "EVENTS", "--out", "nowhere/page.html"), "there is no folder nowhere"),
        (("--events", "EVENTS", "--out", "page.pdf"), r"call it page\.html"),
        (("TAPS", "--events", "EVENTS", "--time", "at_ms"), "--time is told by the pipeline"),
        (("TAPS", "--events", "EVENTS", "--id", "tap_id"), "--id is told by the pipeline"),
        (("TAPS", "--events", "EVENTS", "--labels", "EVENTS", "--label-field", "fraud"), "contradict each other"),
        (("TAPS", "--events", "EVENTS", "--label-field", "frau"), "has no column frau"),
        (("TAPS", "--label-field", "fraud"), "are about files"),
        (("SILENT", "--events", "EVENTS", "--labels", "EVENTS"), "silent has no labels"),
    ],
)
def test_what_cannot_work_is_one_sentence(file: Path, arguments: tuple[str, ...], told: str) -> None:
    names = {"EVENTS": events(file), "TAPS": f"{file}:taps", "SILENT": f"{file}:silent"}

    with pytest.raises(Problem, match=told):
        ask(*(names.get(each, each) for each in arguments))
