"""Figures of quality equal their definitions, also where scores are equal, few, or all of one class."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.backtest import figures
from infra.backtest.answers import Said, Truth, floats, ints
from infra.backtest.trace import NAN, NONE
from tests.infra.backtest import naive

CLOSE = 1e-12
few_scores = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5 + 2**-50, 0.9, 1.0])
answers = st.lists(st.tuples(few_scores | st.floats(0.0, 1.0), st.none() | st.booleans(), st.booleans()), max_size=40)
named = st.lists(st.tuples(st.none() | st.integers(0, 3), st.integers(0, 4), st.floats(0.0, 1.0)), max_size=40)
values = st.lists(st.tuples(st.floats(-1e3, 1e3), st.integers(-50, 50).map(float)), max_size=40)


def codes(said: Sequence[int | None]) -> list[int]:
    return [NONE if each is None else int(each) for each in said]


def told(scores: list[float], said: list[int], given: list[float] | None = None) -> Said:
    return Said(floats(scores), ints(said), floats([NAN] * len(scores) if given is None else given))


def truth(numbers: list[float], classes: list[int]) -> Truth:
    return Truth(floats(numbers), ints(classes), np.zeros(len(classes), np.int64))


@given(answers)
def test_binary_figures_are_those_of_their_definitions(rows: list[tuple[float, bool | None, bool]]) -> None:
    scores, said, truths = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
    known = truth([float(each) for each in truths], [int(each) for each in truths])
    found = figures.binary(told(scores, codes(said)), known)
    expected = naive.binary(scores, said, truths)

    assert found == pytest.approx(expected, rel=CLOSE, abs=CLOSE)
    assert figures.ranking(told(scores, codes(said)), known) == pytest.approx(naive.ranking(scores, truths), rel=CLOSE)


@given(named)
def test_figures_of_classes_are_those_of_their_definitions(rows: list[tuple[int | None, int, float]]) -> None:
    said, truths, shares = [row[0] for row in rows], [row[1] for row in rows], [row[2] for row in rows]
    judged = told(shares, codes(said), shares)
    expected = naive.classes(said, truths) | ({"log_loss": naive.log_loss(shares)} if rows else {})

    assert figures.multiclass(judged, truth([NAN] * len(rows), truths)) == pytest.approx(expected, rel=CLOSE, abs=CLOSE)


@given(values)
def test_figures_of_values_are_those_of_their_definitions(rows: list[tuple[float, float]]) -> None:
    scores, truths = [row[0] for row in rows], [row[1] for row in rows]
    found = figures.regression(told(scores, [NONE] * len(rows)), truth(truths, [0] * len(rows)))

    assert found == pytest.approx(naive.regression(scores, truths), rel=1e-9, abs=CLOSE)


def test_auc_of_many_equal_scores_is_a_half_exactly() -> None:
    positive = [number % 3 == 0 for number in range(9_999)]
    found = figures.ranking(told([0.3] * 9_999, [0] * 9_999), truth([float(p) for p in positive], [0] * 9_999))

    assert found == {"roc_auc": 0.5, "average_precision": pytest.approx(3_333 / 9_999)}


def test_probabilities_that_nobody_gave_have_no_log_loss() -> None:
    found = figures.multiclass(told([1.0, 1.0], [0, 1]), truth([NAN, NAN], [0, 0]))

    assert set(found) == {"accuracy", "kappa", "macro_f1"}
