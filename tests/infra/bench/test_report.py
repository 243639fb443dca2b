"""A report's verdict follows from its budgets, and from whether its outputs were right."""

import json

import pytest
from rich.console import Console

from infra.bench import outputs
from infra.bench.outputs import Outputs
from infra.bench.report import Figure, Report, Verdict
from infra.bench.shown import show
from infra.bench.stream import Stream


def report(*figures: Figure, void: tuple[str, ...] = ()) -> Report:
    return Report(bench="any", load={"events": 1_000}, figures=figures, void=void)


HELD = Figure(name="ratio", value=0.95, unit="of it", least=0.9)
MISSED = Figure(name="seconds", value=12.0, unit="s", most=10.0)
READ = Figure(name="speed", value=12_345.0, unit="records/s")


def test_a_bench_passes_when_every_budget_is_kept() -> None:
    assert report(HELD, READ).verdict is Verdict.PASS


def test_one_missed_budget_is_a_missed_bench() -> None:
    assert report(HELD, MISSED).verdict is Verdict.MISSED


def test_wrong_outputs_make_the_best_figures_void() -> None:
    assert report(HELD, void=("one event is lost",)).verdict is Verdict.VOID


def test_json_has_each_figure_with_its_budget_and_the_machine() -> None:
    told = json.loads(json.dumps(report(HELD, MISSED, READ).as_json()))

    assert set(told) == {"bench", "verdict", "machine", "load", "figures", "void", "series"}
    assert told["figures"]["ratio"]["least"] == 0.9
    assert [told["figures"][name]["held"] for name in ("ratio", "seconds", "speed")] == [True, False, None]
    assert {"cores", "python", "versions", "commit"} <= set(told["machine"])


def test_the_table_shows_budget_and_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    show(report(HELD, MISSED, void=("one event is lost",)), Console(width=120))
    shown = capsys.readouterr().out

    assert "at least 0.9" in shown
    assert "at most 10" in shown
    assert "void: one event is lost" in shown


STREAM = Stream(label_after=2)


def test_a_lost_and_a_doubled_output_are_both_named() -> None:
    found = {"scored": Outputs(10, 9, "a"), "outcomes": Outputs(8, 8, "b")}

    assert outputs.wrong("run 1", found, STREAM, events=10) == [
        "run 1: scored holds 9 of 10 events",
        "run 1: scored holds 1 records too many",
    ]


def test_outputs_that_differ_in_a_byte_are_named() -> None:
    first = {"scored": Outputs(10, 10, "a")}

    assert outputs.differing([("run 1", first), ("run 2", first), ("run 3", {"scored": Outputs(10, 10, "b")})]) == [
        "run 3: scored is not that of run 1"
    ]


def test_the_stream_is_the_same_wherever_it_is_cut() -> None:
    whole = list(STREAM.records(0, 20))

    assert [*STREAM.records(0, 7), *STREAM.records(7, 20)] == whole
    assert len(whole) == 20 + STREAM.labels(20)


def test_every_customer_of_the_stream_comes_once_before_any_comes_again() -> None:
    keys = {sent.key for sent in Stream(keys=1_000, label_after=0).records(0, 1_000)}

    assert len(keys) == 1_000
