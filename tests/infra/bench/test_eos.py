"""What fell is counted: lost, doubled, or different from the run that was left alone."""

from infra.bench.eos import found_wrong
from infra.bench.outputs import Outputs

WANTED = {"scored": 10, "outcomes": 8}
CALM = {"scored": Outputs(10, 10, "a"), "outcomes": Outputs(8, 8, "b")}


def values(scored: Outputs) -> dict[str, float]:
    return {figure.name: figure.value for figure in found_wrong({**CALM, "scored": scored}, CALM, WANTED)}


def test_a_run_like_the_calm_one_has_nothing_wrong() -> None:
    assert values(Outputs(10, 10, "a")) == {"lost": 0, "doubled": 0, "differing": 0}


def test_one_lost_one_doubled_and_one_changed_are_told_apart() -> None:
    assert values(Outputs(9, 9, "c")) == {"lost": 1, "doubled": 0, "differing": 1}
    assert values(Outputs(11, 10, "c")) == {"lost": 0, "doubled": 1, "differing": 1}
    assert values(Outputs(10, 10, "c")) == {"lost": 0, "doubled": 0, "differing": 1}
