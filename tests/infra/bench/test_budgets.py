"""`bench all` tells of every budget: held, missed, void, failed, or why there is no figure."""

import json
import signal
from pathlib import Path

import pytest
import typer
from rich.console import Console

from infra.bench import budgets, every
from infra.bench.benches import BENCHES, Bench
from infra.bench.budgets import BUDGETS, Budget, Standing
from infra.bench.foreign import Absent
from infra.bench.report import Figure, Report, Verdict
from infra.bench.shown import show_budgets
from infra.cli.bench import INTERRUPTED, measured
from schemas.problem import Problem

HAND = Budget("by hand", "throughput", "ratio_hand")


def report(value: float, void: tuple[str, ...] = ()) -> Report:
    figure = Figure(name="ratio_hand", value=value, unit="of it", least=0.9)
    return Report(bench="throughput", load={}, figures=[figure], void=void)


def result(standing: Standing, figure: str) -> str:
    return next(line.result for line in standing.lines() if line.budget.figure == figure)


def quiet(_: str) -> None:
    """Say nothing."""


def test_a_budget_is_held_missed_or_void_as_its_bench_found() -> None:
    assert result(Standing({"throughput": report(0.95)}), "ratio_hand") == "pass"
    assert result(Standing({"throughput": report(0.85)}), "ratio_hand") == "missed"
    assert result(Standing({"throughput": report(0.95, void=("one is lost",))}, {}), "ratio_hand") == "void"


def test_every_budget_is_about_a_bench_that_there_is() -> None:
    assert {budget.bench for budget in BUDGETS} <= set(BENCHES)
    assert result(Standing({}), "ratio_hand") == budgets.NOT_MEASURED


def test_what_is_compared_with_a_neighbour_that_is_not_there_is_not_built(tmp_path: Path) -> None:
    def absent(_: object, __: object) -> Report:
        raise Absent("the neighbours are not installed: run `make neighbours`")

    benches = {"neighbours": Bench(absent, absent), "throughput": Bench(lambda _, __: report(0.95), None)}
    standing = every.run(quiet, tmp_path, quick=True, benches=benches)

    assert result(standing, "ratio_faust") == "not built"
    assert standing.verdict is Verdict.PASS
    assert standing.as_json()["absent"] == {"neighbours": "the neighbours are not installed: run `make neighbours`"}


def test_one_that_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    def fails(_: object, __: object) -> Report:
        raise Problem("no server: start one")

    benches = {"guarantees": Bench(fails, fails), "throughput": Bench(lambda _, __: report(0.95), None)}
    standing = every.run(quiet, tmp_path, quick=True, benches=benches)

    assert result(standing, "ratio_wall") == "failed"
    assert result(standing, "ratio_hand") == "pass"
    assert standing.verdict is Verdict.VOID
    assert standing.failed == {"guarantees": "no server: start one"}


def test_an_hour_is_spent_only_where_it_is_asked_for(tmp_path: Path) -> None:
    benches = {"throughput": Bench(None, None, lambda _, __: report(0.95))}

    assert every.run(quiet, tmp_path, benches=benches).reports == {}
    assert set(every.run(quiet, tmp_path, long=True, benches=benches).reports) == {"throughput"}


def test_json_has_every_budget_with_its_figure() -> None:
    told = json.loads(json.dumps(Standing({"throughput": report(0.85)}).as_json()))
    (line,) = (each for each in told["budgets"] if each["name"] == "ratio_hand")

    assert len(told["budgets"]) == len(BUDGETS)
    assert (line["value"], line["least"], line["result"]) == (0.85, 0.9, "missed")
    assert told["verdict"] == "missed"


def test_the_table_has_every_budget_and_why_a_bench_does_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    standing = Standing(
        {"throughput": report(0.95, void=("one is lost",))},
        {"eos": "no server: start one"},
        {"neighbours": "none is there"},
    )
    show_budgets(standing, Console(width=160))
    shown = capsys.readouterr().out

    assert all(budget.what in shown for budget in BUDGETS)
    assert "at least 0.9" in shown
    assert "void: throughput: one is lost" in shown
    assert "failed: eos: no server: start one" in shown
    assert "not built: neighbours: none is there" in shown
    assert budgets.NOT_MEASURED in shown


def test_a_signal_ends_a_bench_that_asks_kafkas_client_just_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # those of this run stay

    def asks(_: object, __: object) -> Report:
        raise SystemError("returned a result with an exception set") from KeyboardInterrupt()

    with pytest.raises(typer.Exit) as ended:
        measured(asks, Console(quiet=True))

    assert ended.value.exit_code == INTERRUPTED
