"""A scaled logistic regression in hand gives what River's own calls give: every share, and all that it learns."""

import pickle
from collections.abc import Callable, Sequence
from math import nan
from random import Random
from struct import pack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.linear_model import LogisticRegression
from river.optim import SGD, Adam
from river.optim.initializers import Normal
from river.optim.schedulers import InverseScaling
from river.preprocessing import MinMaxScaler, StandardScaler

from streams.hand import PlainHand, taking
from streams.labels import Task
from streams.learner import learner
from streams.scaled import ScaledHand

NAMES = ("amount", "count", "mean", "night")
floats = st.floats(allow_nan=False, allow_infinity=False)
vectors = st.lists(st.one_of(st.integers(0, 3).map(float), floats), min_size=len(NAMES), max_size=len(NAMES))
steps = st.lists(st.tuples(vectors, st.sampled_from([None, True, False])), max_size=12)


def scaled() -> Any:
    return StandardScaler() | LogisticRegression(optimizer=SGD(0.05))


def bits(score: float) -> bytes:
    return pack("d", score)


def parts(model: Any) -> list[bytes]:
    """Scaler and regression as they are saved, without what the pipeline remembers of its own steps."""
    return [pickle.dumps(step, 5) for step in model.steps.values()]


@given(st.lists(steps, max_size=4))
def test_in_hand_a_model_says_and_learns_what_it_would_by_rivers_calls(folds: list[Any]) -> None:
    river, ours, calls, take = scaled(), scaled(), learner(scaled(), "binary"), taking(scaled(), "binary", NAMES)
    for fold in folds:
        plain, hand = PlainHand(calls, NAMES, river), take(ours)
        for vector, truth in fold:
            if truth is None:
                right, said = plain.predict(vector), hand.predict(vector)
                assert right is not None
                assert said is not None
                assert (bits(said.score), said.predicted) == (bits(right.score), right.predicted)
                assert said.probabilities == right.probabilities
            else:
                plain.learn(vector, truth)
                hand.learn(vector, truth)
        hand.put_back()

        assert parts(ours) == parts(river)
        river, ours = pickle.loads(pickle.dumps(river)), pickle.loads(pickle.dumps(ours))


def test_what_diverges_diverges_alike() -> None:
    random, river, ours = Random(7), scaled(), scaled()
    plain, hand = PlainHand(learner(river, "binary"), NAMES, river), taking(ours, "binary", NAMES)(ours)
    for n in range(60):
        vector = [random.choice((1e308, -1e308, 1.0, 5e-324, nan if n > 40 else 0.0)) for _ in NAMES]
        right, said = plain.predict(vector), hand.predict(vector)
        assert right is not None
        assert said is not None
        assert repr(said) == repr(right)
        plain.learn(vector, n % 3 == 0)
        hand.learn(vector, n % 3 == 0)
    hand.put_back()

    assert repr(ours["LogisticRegression"].weights) == repr(river["LogisticRegression"].weights)
    assert repr(ours["StandardScaler"].vars) == repr(river["StandardScaler"].vars)


class Own(LogisticRegression):
    """Might do anything."""


def warmed() -> Any:
    model = scaled()
    model.learn_one(dict.fromkeys(NAMES, 1.0), True)
    return model


@pytest.mark.parametrize(
    ("model", "task"),
    [
        (lambda: StandardScaler(with_std=False) | LogisticRegression(), "binary"),
        (lambda: StandardScaler(window_size=5) | LogisticRegression(), "binary"),
        (lambda: MinMaxScaler() | LogisticRegression(), "binary"),
        (lambda: StandardScaler() | LogisticRegression(l2=0.1), "binary"),
        (lambda: StandardScaler() | LogisticRegression(l1=0.1), "binary"),
        (lambda: StandardScaler() | LogisticRegression(optimizer=Adam()), "binary"),
        (lambda: StandardScaler() | LogisticRegression(optimizer=SGD(InverseScaling(0.1))), "binary"),
        (lambda: StandardScaler() | LogisticRegression(intercept_lr=InverseScaling(0.1)), "binary"),
        (lambda: StandardScaler() | LogisticRegression(initializer=Normal(seed=1)), "binary"),
        (lambda: StandardScaler() | Own(), "binary"),
        (LogisticRegression, "binary"),
        (warmed, "binary"),
    ],
)
def test_any_other_model_is_left_to_river(model: Callable[[], Any], task: Task) -> None:
    assert isinstance(taking(model(), task, NAMES)(model()), PlainHand)


@pytest.mark.parametrize("names", [NAMES, ()])
def test_one_without_features_is_left_to_river(names: Sequence[str]) -> None:
    assert isinstance(taking(scaled(), "binary", names)(scaled()), ScaledHand) is bool(names)
