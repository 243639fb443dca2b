"""Millrace beside its neighbours: ratios of what became visible, void where somebody says something else."""

import sys
from pathlib import Path

import pytest

from infra.bench import foreign, neighbours
from infra.bench.answers import Answer, Answers, same_scores, wrong
from infra.bench.foreign import Neighbour
from infra.bench.report import Verdict
from infra.bench.stream import Stream
from infra.bench.visible import Look, Pace, longest_pause_s, pace
from infra.demo import servers as demo
from schemas.problem import Problem

LOOKS = [Look(n, n / 2, {"t": 30 * n}) for n in range(4)]


def test_markers_of_transactions_are_no_outputs() -> None:
    assert pace(LOOKS, {"t": range(0, 90, 3)}, warm_s=1) == Pace(wall=10.0, cpu=20.0, seconds=2)
    assert longest_pause_s(LOOKS) == 1


def test_an_arm_that_stops_in_its_warm_up_has_no_pace() -> None:
    with pytest.raises(Problem, match="behind a warm-up of 3 s"):
        pace(LOOKS, {"t": range(90)}, warm_s=3)


def test_the_fastest_neighbour_is_the_one_that_counts() -> None:
    speeds = {"millrace": 30.0, "bytewax": 20.0, "quix_exactly_once": 40.0, "faust": 2.0, "faust_in_memory": 4.0}
    turns = [(name, Pace(speed / slower, speed, 1.0)) for slower in (1, 2) for name, speed in speeds.items()]

    found = {figure.name: figure for figure in neighbours.figures(turns)}

    assert (found["ratio_neighbour"].value, found["ratio_neighbour"].unit) == (0.75, "of quix_exactly_once")
    assert (found["ratio_neighbour"].held, found["ratio_faust"].value, found["ratio_faust"].held) == (False, 15.0, True)


STREAM = Stream(label_after=2)


def answers(*numbers: int, seen: int = 1, score: float = 0.5) -> Answers:
    return Answers(range(len(numbers)), [Answer(STREAM.event_id(n), seen, score) for n in numbers])


OURS = {"scored": answers(0, 1, 2, 3), "outcomes": answers(0, 1)}


@pytest.mark.parametrize(
    ("scored", "reasons"),
    [
        (answers(0, 1, 2), []),
        (answers(0, 1, 2, 3, 4), []),
        (answers(0, 1, 2, score=0.1), []),
        (answers(0, 2, 3), ["it: record 1 of scored is about p0000000002: lost or doubled"]),
        (answers(0, 1, 1), ["it: record 2 of scored is about p0000000001: lost or doubled"]),
        (answers(0, 1, seen=2), ["it: scored has another vector for p0000000000"]),
        (answers(0), ["it: there are more outcomes than scores"]),
    ],
)
def test_what_a_neighbour_loses_doubles_or_sees_otherwise_is_named(scored: Answers, reasons: list[str]) -> None:
    assert wrong("it", {"scored": scored, "outcomes": answers(0, 1)}, OURS, STREAM) == reasons


def test_scores_may_differ_and_it_is_told_how_many() -> None:
    assert same_scores({"scored": answers(0, 1)}, OURS) == 1.0
    assert same_scores({"scored": answers(0, 1, score=0.4)}, OURS) == 0.0


def test_without_their_environment_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "PYTHON", tmp_path / "python")

    with pytest.raises(Problem, match="run `make neighbours`"):
        foreign.require()


def quiet(_: str) -> None:
    """Say nothing."""


@pytest.mark.servers
def test_a_neighbour_that_loses_an_output_makes_the_comparison_void(
    named: demo.Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "PYTHON", Path(sys.executable))
    size = neighbours.Size(events=16_000, warm_s=0.2, seconds=2.0, rounds=1, label_after=500)
    there = {
        "bytewax": Neighbour("tests.infra.bench.plain_neighbour"),
        "faust": Neighbour("tests.infra.bench.plain_neighbour", "losing"),
    }
    report = neighbours.run(named, tmp_path, quiet, size, there)

    assert report.verdict is Verdict.VOID
    assert {reason.partition(":")[0] for reason in report.void} == {"faust"}
    assert {"ratio_neighbour", "ratio_faust", "millrace", "bytewax_cpu"} <= set(report.as_json()["figures"])
    assert [row["arm"] for row in report.series] == ["millrace", "bytewax", "faust"]


@pytest.mark.servers
@pytest.mark.skipif(not foreign.PYTHON.exists(), reason="needs `make neighbours`")
def test_every_neighbour_scores_the_same_payments_from_the_same_vectors(named: demo.Servers, tmp_path: Path) -> None:
    size = neighbours.Size(events=16_000, warm_s=0.2, seconds=3.0, rounds=1, label_after=500)
    report = neighbours.run(named, tmp_path, quiet, size)

    assert report.void == []
    assert {row["arm"] for row in report.series} == {"millrace", *neighbours.NEIGHBOURS}
