"""The tokenizer's few questions, on the statements that would fool a search for words."""

import pytest

from infra.embedded.clickhouse_http.statement import Insert, Statement


@pytest.mark.parametrize(
    ("text", "target", "settings", "name", "data"),
    [
        ("INSERT INTO t FORMAT Native\nDATA", "INSERT INTO t", "", "Native", "DATA"),
        ("INSERT INTO t FORMAT TSV\n\nDATA", "INSERT INTO t", "", "TSV", "\nDATA"),
        ("insert into t(a, b) format CSV ;\r\nDATA", "insert into t(a, b)", "", "CSV", "DATA"),
        ("INSERT INTO `format` FORMAT CSV DATA", "INSERT INTO `format`", "", "CSV", "DATA"),
        ("INSERT INTO format FORMAT CSV\nDATA", "INSERT INTO format", "", "CSV", "DATA"),
        (
            "INSERT INTO d.t (`FORMAT CSV`) VALUES (1, 'a;b')",
            "INSERT INTO d.t (`FORMAT CSV`)",
            "",
            "Values",
            " (1, 'a;b')",
        ),
        (
            "INSERT INTO t SETTINGS async_insert = 0, x = 'FORMAT TSV' FORMAT CSV\nDATA",
            "INSERT INTO t",
            "SETTINGS async_insert = 0, x = 'FORMAT TSV'",
            "CSV",
            "DATA",
        ),
        (
            "/* INSERT */ INSERT -- x\nINTO TABLE t FORMAT CSV\nDATA",
            "/* INSERT */ INSERT -- x\nINTO TABLE t",
            "",
            "CSV",
            "DATA",
        ),
        (
            "INSERT INTO FUNCTION null('a Int8') FORMAT CSV\nDATA",
            "INSERT INTO FUNCTION null('a Int8')",
            "",
            "CSV",
            "DATA",
        ),
    ],
)
def test_an_insert_is_cut_where_its_data_begins(text: str, target: str, settings: str, name: str, data: str) -> None:
    found = Insert.find(text)

    assert found is not None
    assert (found.target, found.settings, found.format) == (target, settings, name)
    assert text[found.data_at :] == data


@pytest.mark.parametrize(
    "text", ["SELECT 1 FORMAT CSV", "INSERT INTO t SELECT 1", "INSERT INTO t (a) WITH 1 AS x SELECT x", "INSERT", ""]
)
def test_what_carries_no_rows_is_no_insert_of_rows(text: str) -> None:
    assert Insert.find(text) is None


@pytest.mark.parametrize(
    ("text", "several"),
    [("SELECT 1", False), ("SELECT 1;", False), ("SELECT ';' -- ; x", False), ("SELECT 1; -- x\n SELECT 2", True)],
)
def test_several_statements_are_noticed(text: str, several: bool) -> None:
    assert Statement(text).is_several is several


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("SELECT format FROM t", None),
        ("SELECT 1 FORMAT JSON", "JSON"),
        ("SELECT 1 FORMAT JSON;", "JSON"),
        ("SELECT 1 FORMAT TSVRaw SETTINGS max_threads = 1", "TSVRaw"),
        ("SELECT * FROM (SELECT 1 FORMAT CSV)", None),
        ("SELECT $$ FORMAT CSV $$", None),
    ],
)
def test_the_output_format_is_the_clauses(text: str, name: str | None) -> None:
    assert Statement(text).output_format == name


def test_a_set_names_its_settings() -> None:
    assert Statement("SET max_threads = 1, `x` = 'a = b', param_q = 2").assigned[0] == "max_threads"
