"""How wide a command's tables are."""

import io

import pytest
from rich.table import Table

from infra.cli.stdout import stdout

CELL = "x" * 150


def drawn(monkeypatch: pytest.MonkeyPatch) -> str:
    out = io.StringIO()
    monkeypatch.setattr("sys.stdout", out)
    table = Table("name")
    table.columns[0].overflow = "fold"
    table.add_row(CELL)
    stdout().print(table)
    return out.getvalue()


def test_in_a_pipe_nothing_is_cut_or_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)

    assert CELL in drawn(monkeypatch)


def test_who_says_how_wide_is_obeyed_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    told = drawn(monkeypatch)

    assert max(map(len, told.splitlines())) <= 60
    assert told.count("x") == len(CELL)
