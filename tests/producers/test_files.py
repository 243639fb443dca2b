"""Files of events: three formats, one meaning; what is wrong is named."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from pydantic import BaseModel, ConfigDict, Field

from producers.files import EventFile
from producers.known import Kind, Known
from producers.publish import Values
from producers.recording import Truth, survey, tell
from schemas.duration import duration_ms
from schemas.payment import Chargeback, Payment
from schemas.problem import Problem

Rows = list[dict[str, Any]]
START = datetime(2025, 1, 6, tzinfo=UTC)
START_MS = int(START.timestamp()) * 1000
ENCODE = {Kind.EVENT: Values(Payment, 0), Kind.LABEL: Values(Chargeback, 0)}


class Reading(BaseModel):
    """A class as strict as can be, with a field that may be empty and one with a default."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    id: int
    at: int
    level: float | None
    unit: str = "C"
    sensor: str = Field(validation_alias="sensorName", min_length=1)


def rows(count: int = 5) -> Rows:
    return [
        {
            "transaction_id": f"p{n}",
            "occurred_at": START + timedelta(minutes=n),
            "customer_id": f"00{n % 3}",
            "terminal_id": "t, 1",
            "amount": n + 0.25,
            "fraud": None if n == 3 else n % 2 == 0,
        }
        for n in range(count)
    ]


def as_csv(path: Path, given: Rows) -> Path:
    path = path / "file.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(given[0]))
        writer.writeheader()
        writer.writerows(given)
    return path


def as_parquet(path: Path, given: Rows) -> Path:
    path = path / "file.parquet"
    pyarrow.parquet.write_table(pa.Table.from_pylist(given), path, row_group_size=2)
    return path


def as_jsonl(path: Path, given: Rows) -> Path:
    path = path / "file.jsonl"
    path.write_text("".join(json.dumps(row, default=str) + "\n" for row in given))
    return path


Writer = Callable[[Path, Rows], Path]
formats = pytest.mark.parametrize("write", [as_csv, as_parquet, as_jsonl])


def payments(path: Path, label_field: str | None = None) -> EventFile:
    return EventFile(path, Payment, time="occurred_at", label_field=label_field)


def truth(delay: str) -> Truth:
    return Truth(
        label=Chargeback,
        id="transaction_id",
        field="fraud",
        time="reported_at",
        event_id="transaction_id",
        event_time="occurred_at",
        key="customer_id",
        label_key="customer_id",
        delay_ms=duration_ms(delay),
    )


def told(path: Path, delay: str) -> list[Known]:
    return list(tell(payments(path, "fraud").events(), truth(delay), path))


@formats
def test_each_format_gives_the_same_events(tmp_path: Path, write: Writer) -> None:
    found = list(payments(write(tmp_path, rows())).events())

    assert [event.record for event in found] == [Payment.model_validate(row) for row in rows()]
    assert [event.time_ms for event in found] == [START_MS + n * 60_000 for n in range(5)]
    assert [event.row for event in found] == [1, 2, 3, 4, 5]


@formats
def test_each_format_gives_the_same_labels_and_skips_empty_ones(tmp_path: Path, write: Writer) -> None:
    labels = [known for known in told(write(tmp_path, rows()), "7d") if known.kind is Kind.LABEL]

    assert [
        (label.record.transaction_id, label.record.fraud) for label in labels if isinstance(label.record, Chargeback)
    ] == [
        ("p0", True),
        ("p1", False),
        ("p2", True),
        ("p4", True),
    ]
    assert labels[0].time_ms == START_MS + duration_ms("7d")
    assert isinstance(labels[0].record, Chargeback)
    assert labels[0].record.reported_at == START + timedelta(days=7)
    assert labels[0].record.customer_id == "000"


@formats
def test_labels_stand_among_later_events_and_before_those_of_their_own_time(tmp_path: Path, write: Writer) -> None:
    kinds = [known.kind.value[0] for known in told(write(tmp_path, rows()), "2m")]

    assert "".join(kinds) == "ee" + "le" + "le" + "le" + "l"  # the fourth event has none


@formats
def test_a_label_known_at_once_follows_its_event_and_precedes_the_next_even_at_one_time(
    tmp_path: Path, write: Writer
) -> None:
    given = [{**row, "occurred_at": START, "fraud": True} for row in rows()]
    found = told(write(tmp_path, given), "0s")

    assert [known.kind for known in found] == [Kind.EVENT, Kind.LABEL] * 5
    assert all(event.time_ms < label.time_ms for event, label in zip(found[::2], found[1::2], strict=True))
    assert all(label.time_ms <= event.time_ms for label, event in zip(found[1::2], found[2::2], strict=False))
    assert all(known.record.occurred_at == START for known in found if isinstance(known.record, Payment))


@formats
def test_a_file_out_of_order_is_refused_by_row_or_sorted(tmp_path: Path, write: Writer) -> None:
    given = rows()
    file = payments(write(tmp_path, [given[0], given[3], given[1], given[4], given[2]]), "fraud")

    with pytest.raises(Problem, match=r"row 3, is earlier .*--sort"):
        list(tell(file.events(), None, file.path))
    assert [event.record for event in file.sorted_events()] == [Payment.model_validate(row) for row in given]
    assert [event.row for event in file.sorted_events()] == [1, 3, 5, 2, 4]


@formats
def test_rows_of_one_time_stay_in_the_order_of_the_file_when_sorted(tmp_path: Path, write: Writer) -> None:
    given = [{**row, "occurred_at": START + timedelta(minutes=n % 2)} for n, row in enumerate(rows(40))]
    found = [event.row for event in payments(write(tmp_path, given)).sorted_events()]

    assert found == [*range(1, 41, 2), *range(2, 41, 2)]


@formats
def test_a_bad_row_is_named_with_its_column(tmp_path: Path, write: Writer) -> None:
    given = rows()
    given[3]["amount"] = -1.0

    with pytest.raises(Problem, match=r"row 4, column amount: .*greater than or equal to 0, not .*mend or remove"):
        list(payments(write(tmp_path, given)).events())


@formats
def test_an_empty_cell_in_a_field_that_must_be_there_is_a_bad_row(tmp_path: Path, write: Writer) -> None:
    given = rows()
    given[1]["customer_id"] = None

    with pytest.raises(Problem, match="row 2, column customer_id: Field required"):
        list(payments(write(tmp_path, given)).events())


@formats
def test_a_missing_column_is_named(tmp_path: Path, write: Writer) -> None:
    given = [{name: value for name, value in row.items() if name != "amount"} for row in rows()]

    with pytest.raises(Problem, match="column amount"):
        list(payments(write(tmp_path, given)).events())


@formats
def test_a_missing_label_column_is_named_where_columns_are_known(tmp_path: Path, write: Writer) -> None:
    path = write(tmp_path, rows())
    if path.suffix == ".jsonl":
        assert {event.label for event in payments(path, "chargeback").events()} == {None}
        return

    with pytest.raises(Problem, match=r"has no column chargeback .*it has transaction_id"):
        payments(path, "chargeback")


@formats
def test_a_label_that_its_class_refuses_is_a_bad_row(tmp_path: Path, write: Writer) -> None:
    given = [{**row, "fraud": "perhaps"} for row in rows()]

    with pytest.raises(Problem, match=r"row 1, column fraud: .*perhaps"):
        told(write(tmp_path, given), "7d")


@formats
def test_a_strict_class_with_alias_default_and_empty_cells_is_read_from_each_format(
    tmp_path: Path, write: Writer
) -> None:
    given: Rows = [
        {"id": 1, "at": 5, "level": 1.5, "sensorName": "s1", "unit": "F", "note": "left alone"},
        {"id": 2, "at": 6, "level": None, "sensorName": "s2", "unit": None, "note": ""},
    ]
    file = EventFile(write(tmp_path, given), Reading, time="at", label_field="note")

    assert [event.record for event in file.events()] == [
        Reading(id=1, at=5, level=1.5, sensorName="s1", unit="F"),
        Reading(id=2, at=6, level=None, sensorName="s2"),
    ]


@formats
def test_numbers_become_text_where_the_class_wants_text(tmp_path: Path, write: Writer) -> None:
    given = [{**row, "customer_id": 7} for row in rows(1)]
    (event,) = payments(write(tmp_path, given)).events()

    assert getattr(event.record, "customer_id") == "7"  # noqa: B009


def test_times_that_are_milliseconds_give_labels_in_the_type_of_their_class(tmp_path: Path) -> None:
    class Tick(BaseModel):
        id: int
        at: int

    class Word(BaseModel):
        id: str
        said: str
        at: int

    class Dated(Word):
        at: datetime  # type: ignore[assignment] # the same field, otherwise

    path = as_jsonl(tmp_path, [{"id": 1, "at": START_MS, "said": 5}])
    events = EventFile(path, Tick, time="at", label_field="said")
    made = Truth(
        label=Word,
        id="id",
        field="said",
        time="at",
        event_id="id",
        event_time="at",
        key="id",
        label_key="id",
        delay_ms=1_500,
    )
    dated = replace(made, label=Dated)

    assert [k.record for k in tell(events.events(), made, path)][1] == Word(id="1", said="5", at=START_MS + 1_500)
    assert [k.record for k in tell(events.events(), dated, path)][1] == Dated(
        id="1", said="5", at=START + timedelta(seconds=1.5)
    )


def test_a_time_without_zone_is_utc(tmp_path: Path) -> None:
    given = [{**row, "occurred_at": "2025-01-06 00:00:01"} for row in rows(1)]
    (event,) = payments(as_csv(tmp_path, given)).events()

    assert event.time_ms == START_MS + 1_000


def test_nanoseconds_are_cut_off(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(rows(1))
    column = pa.array([START_MS * 1_000_000 + 1_999_999], pa.timestamp("ns"))
    pyarrow.parquet.write_table(table.set_column(1, "occurred_at", column), tmp_path / "ns.parquet")
    (event,) = payments(tmp_path / "ns.parquet").events()

    assert event.time_ms == START_MS + 1


def test_a_time_before_1970_is_refused(tmp_path: Path) -> None:
    path = as_jsonl(tmp_path, [{**rows(1)[0], "occurred_at": "1969-12-31T23:59:59Z"}])

    with pytest.raises(Problem, match="row 1, column occurred_at: Kafka knows no time before 1970"):
        list(payments(path).events())


def test_a_line_that_is_no_json_object_is_named(tmp_path: Path) -> None:
    path = as_jsonl(tmp_path, rows(2))
    good = path.read_text()

    for line in ("{broken", "[1]", '"text"', "\xff"):
        path.write_bytes(good.encode() + line.encode("latin-1") + b"\n")
        with pytest.raises(Problem, match="row 3, cannot be read"):
            list(payments(path).events())


def test_a_csv_row_with_too_few_cells_is_a_problem(tmp_path: Path) -> None:
    path = as_csv(tmp_path, rows(2))
    path.write_text(path.read_text() + "p9,2025\n")

    with pytest.raises(Problem, match=r"cannot be read .*Expected 6 columns, got 2"):
        list(payments(path).events())


def test_files_that_are_not_there_not_what_they_say_or_of_another_kind_are_problems(tmp_path: Path) -> None:
    (tmp_path / "fake.parquet").write_text("not parquet")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "folder.csv").mkdir()
    for name, said in (
        ("missing.csv", "there is no file"),
        ("folder.csv", "there is no file"),
        ("data.xlsx", "is no .csv, .parquet, .jsonl file"),
        ("fake.parquet", "cannot be read"),
        ("empty.csv", "cannot be read"),
    ):
        with pytest.raises(Problem, match=said):
            payments(tmp_path / name)


def test_a_survey_counts_what_will_be_sent_and_refuses_a_file_without_rows(tmp_path: Path) -> None:
    path = as_jsonl(tmp_path, rows())
    found = survey(told(path, "7d"), path, ENCODE)

    assert (found.events, found.labels) == (5, 4)
    assert (found.first_ms, found.last_ms) == (START_MS, START_MS + 240_000 + duration_ms("7d"))
    path.write_text("\n")
    with pytest.raises(Problem, match="holds no rows"):
        survey(told(path, "7d"), path, ENCODE)


def test_a_survey_names_what_does_not_fit_its_schema(tmp_path: Path) -> None:
    class Counted(BaseModel):
        at: int
        n: int

    path = tmp_path / "counts.jsonl"
    path.write_text('{"at": 1, "n": 2}\n{"at": 2, "n": 9223372036854775808}\n')
    events = EventFile(path, Counted, time="at").events()

    with pytest.raises(Problem, match=r"counts\.jsonl, event 2 in the order of time: Counted .*does not fit"):
        survey(tell(events, None, path), path, {Kind.EVENT: Values(Counted, 0)})


def test_a_column_that_stands_twice_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "twice.csv"
    path.write_text("transaction_id,amount,amount\n1,2,3\n")

    with pytest.raises(Problem, match="more than one column amount"):
        payments(path)


def test_a_label_class_that_wants_more_than_a_file_tells_is_refused(tmp_path: Path) -> None:
    class Signed(Chargeback):
        signed_by: str

    path = as_jsonl(tmp_path, rows())
    wanting = replace(truth("7d"), label=Signed)

    with pytest.raises(Problem, match="Signed needs signed_by"):
        list(tell(payments(path, "fraud").events(), wanting, path))


@formats
def test_a_file_without_rows_has_none_in_any_order(write: Writer, tmp_path: Path) -> None:
    path = write(tmp_path, rows())
    if path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.parquet.read_table(path).slice(0, 0), path)
    else:
        path.write_text(path.read_text().splitlines()[0] + "\n" if path.suffix == ".csv" else "")

    assert list(payments(path).sorted_events()) == []


@pytest.mark.parametrize(("at", "delay"), [("9999-12-31T00:00:00Z", "7d"), ("9950-01-06T00:00:00Z", "5000w")])
def test_a_label_beyond_the_calendar_is_refused_by_name(tmp_path: Path, at: str, delay: str) -> None:
    path = as_jsonl(tmp_path, [{**rows(1)[0], "occurred_at": at}])

    with pytest.raises(Problem, match=r"row 1: its label, .* is beyond the year 9999"):
        told(path, delay)


def test_a_time_beyond_the_calendar_is_refused_by_name(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(rows(1))
    column = pa.array([START_MS * 1_000], pa.timestamp("ms", "UTC"))
    pyarrow.parquet.write_table(table.set_column(1, "occurred_at", column), tmp_path / "far.parquet")

    with pytest.raises(Problem, match="row 1, column occurred_at"):
        list(payments(tmp_path / "far.parquet").events())
