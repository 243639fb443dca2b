"""A file of no class: columns are what their values say, in csv, jsonl and parquet alike."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from pyarrow import csv

from infra.profile.describe import describe
from infra.profile.files import Named, from_file
from infra.profile.model import Profile
from schemas.problem import Problem

START = datetime(2025, 3, 10, tzinfo=UTC)


def rows(count: int = 60) -> list[dict[str, Any]]:
    return [
        {
            "event_id": f"e{n}",
            "at": START + timedelta(minutes=n),
            "amount": None if n % 7 == 0 else n / 4,
            "shop": n % 3,
            "word": "a,b" if n % 2 else 'say "c"',
            "open": n % 5 > 0,
            "fraud": None if n % 10 == 0 else n % 4 == 0,
        }
        for n in range(count)
    ]


def written(path: Path, made: list[dict[str, Any]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row, default=datetime.isoformat) + "\n" for row in made))
    elif path.suffix == ".csv":
        table = pa.Table.from_pylist([{**row, "at": row["at"].isoformat()} for row in made])
        csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(pa.Table.from_pylist(made), path)
    return path


def profiled(path: Path, **named: str) -> Profile:
    return describe(from_file(path, Named(**named)))


def plain(profile: Profile) -> dict[str, Any]:
    """All but where it comes from, and which types the file has."""
    told = profile.model_dump(exclude={"title", "place", "remarks"})
    for field in told["fields"]:
        del field["type"]
    return told


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_the_format_of_a_file_makes_no_difference(tmp_path: Path, suffix: str) -> None:
    named = {"label": "fraud", "id": "event_id", "time": "at"}
    found = plain(profiled(written(tmp_path / f"events{suffix}", rows()), **named))

    assert found == plain(profiled(written(tmp_path / "events.parquet", rows()), **named))
    kinds = {field["name"]: field["kind"] for field in found["fields"]}
    assert kinds == {
        "event_id": "identifier",
        "at": "time",
        "amount": "number",
        "shop": "number",
        "word": "category",
        "open": "truth value",
    }
    assert found["labels"]["labelled"] == 54


def test_the_first_column_of_times_is_the_time_and_said_to_be(tmp_path: Path) -> None:
    profile = profiled(written(tmp_path / "events.csv", rows()))

    assert profile.time == "at"
    assert profile.remarks == ("at is taken for the event's time: name another one with --time",)
    assert profile.labels is None


def test_rows_of_a_file_may_come_in_any_order_and_twice(tmp_path: Path) -> None:
    made = rows()
    made[10], made[11] = made[11], made[10]
    profile = profiled(written(tmp_path / "events.csv", [*made, made[0]]), id="event_id")

    texts = [each.text for each in profile.findings]
    assert "rows whose event_id stood in an earlier one: 1; each is scored once" in texts
    assert any("2 rows (3.3%) are older than one before them" in text for text in texts)


def test_one_row_is_a_profile(tmp_path: Path) -> None:
    for suffix in (".csv", ".jsonl", ".parquet"):
        profile = profiled(written(tmp_path / f"one{suffix}", rows(2)[1:]), label="fraud", id="event_id")
        assert profile.rows == 1
        assert profile.periods is None
        assert profile.labels is not None
        assert [each.what for each in profile.findings if each.severity == "serious"] == ["label"]


def test_a_column_of_mixed_values_is_text_and_a_nested_one_json(tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    path.write_text('{"a": 1, "b": {"c": 1}}\n{"a": "x", "d": 2.5}\n{"a": null, "d": 3}\n')
    profile = profiled(path)

    assert {field.name: (field.kind, field.missing) for field in profile.fields} == {
        "a": ("category", 1),
        "b": ("category", 2),
        "d": ("number", 1),
    }
    assert [each.value for each in profile.fields[1].top] == ['{"c":1}']


@pytest.mark.parametrize(
    ("name", "text", "named", "told"),
    [
        ("none.csv", None, {}, "there is no file"),
        ("events.txt", "a", {}, "convert it"),
        ("empty.csv", "", {}, r"cannot be read"),
        ("headed.csv", "a,b\n", {}, "holds no event"),
        ("empty.jsonl", "", {}, "holds no event"),
        ("bad.jsonl", "{\n", {}, "has a row that cannot be read"),
        ("events.csv", "a,b\n1,2\n", {"label": "c"}, r"has no column c \(it has a, b\)"),
        ("events.csv", "a,b\n1,x\n", {"time": "b"}, "b holds no times but string"),
        ("events.csv", "a,b\n1,\n", {"label": "b"}, "the label b is missing in every row"),
        ("broken.parquet", "PAR1", {}, "cannot be read"),
    ],
)
def test_what_cannot_be_profiled_is_one_sentence(
    tmp_path: Path, name: str, text: str | None, named: dict[str, str], told: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)

    with pytest.raises(Problem, match=told):
        profiled(path, **named)


def test_a_label_of_many_names_is_none(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="the label event_id has 60 different values"):
        profiled(written(tmp_path / "events.parquet", rows()), label="event_id")


def test_how_late_labels_are_is_told_from_their_column_of_times(tmp_path: Path) -> None:
    made = [{**row, "known_at": row["at"] + timedelta(hours=n)} for n, row in enumerate(rows())]
    profile = profiled(written(tmp_path / "events.parquet", made), time="at", label="fraud", label_time="known_at")

    assert profile.labels is not None
    assert profile.labels.delays is not None
    known = [n for n, row in enumerate(made) if row["fraud"] is not None]
    assert profile.labels.delays.quantiles["p50"] == pytest.approx(3600 * sorted(known)[len(known) // 2], rel=0.05)
    assert "known_at" not in [field.name for field in profile.fields]


def test_digits_behind_a_zero_are_a_name(tmp_path: Path) -> None:
    path = tmp_path / "accounts.csv"
    path.write_text("account,sum\n0012,0.5\n0712,-0.25\n12,0\n")

    assert [field.kind for field in profiled(path).fields] == ["category", "number"]


def test_a_label_that_is_known_with_its_event_has_no_delay(tmp_path: Path) -> None:
    path = written(tmp_path / "events.parquet", rows())

    profile = profiled(path, time="at", label="fraud", label_time="at")

    assert profile.labels is not None
    assert profile.labels.delays is not None
    assert profile.labels.delays.quantiles["p50"] == 0.0
    assert profile.time == "at"


def test_a_label_that_is_no_number_is_none(tmp_path: Path) -> None:
    """In a column of floats NaN and infinity stand where others have null."""
    made = [{"event_id": f"e{n}", "x": float(n % 2), "truth": float(n % 2)} for n in range(400)]
    found = {}
    for name, absent in (("null", None), ("nan", float("nan")), ("infinite", float("inf"))):
        holed = [{**row, "truth": absent if n % 10 == 0 else row["truth"]} for n, row in enumerate(made)]
        path = written(tmp_path / f"{name}.parquet", holed)
        told = plain(profiled(path, label="truth", id="event_id"))
        found[name] = (told["labels"], told["findings"])

    assert found["null"] == found["nan"] == found["infinite"]
    assert found["null"][0]["labelled"] == 360
    assert [each["field"] for each in found["null"][1] if each["what"] == "leak"] == ["x"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_a_field_without_one_usable_number_is_named(tmp_path: Path, value: float) -> None:
    path = written(tmp_path / "events.parquet", [{"event_id": f"e{n}", "x": value} for n in range(40)])

    told = {each.what: each.text for each in profiled(path, id="event_id").findings if each.field == "x"}

    assert told == {"unusable": "all 40 values of x are NaN, infinite or beyond 1e150"}
