"""A model within a fold: taken in hand before the first record, asked and taught vectors, put back after the last."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from streams.labels import Task
from streams.learner import Learner, Prediction, learner
from streams.scaled import ScaledHand, is_scaled


class Hand(Protocol):
    """A model in hand. Between `take` and `put_back` nobody else may ask or teach it."""

    def predict(self, vector: Sequence[float]) -> Prediction | None:
        """Ask the model once; None where it has nothing to say yet."""

    def learn(self, vector: Sequence[float], truth: Any) -> None:
        """Teach the model once."""

    def put_back(self) -> None:
        """Let the model be what it has become."""


Take = Callable[[Any], Hand]


class PlainHand:
    """Asks and teaches any model by River's own calls, with vectors as dictionaries of their `names`."""

    __slots__ = ("_learner", "_model", "_names", "_vector", "_x")

    def __init__(self, learner: Learner, names: Sequence[str], model: Any) -> None:
        self._learner, self._names, self._model = learner, names, model
        self._vector: Sequence[float] = ()
        self._x: dict[str, float] = {}

    def predict(self, vector: Sequence[float]) -> Prediction | None:
        return self._learner.predict(self._model, self._named(vector))

    def learn(self, vector: Sequence[float], truth: Any) -> None:
        self._learner.learn(self._model, self._named(vector), truth)

    def put_back(self) -> None:
        """It is what it has become."""

    def _named(self, vector: Sequence[float]) -> dict[str, float]:
        if vector is not self._vector:
            self._vector, self._x = vector, dict(zip(self._names, vector, strict=True))
        return self._x


def taking(model: Any, task: Task, names: Sequence[str]) -> Take:
    """How models like this one, untaught, are taken in hand; `names` are those of the values of a vector."""
    if task == "binary" and names and is_scaled(model):
        return lambda model: ScaledHand(names, model)
    asked = learner(model, task)
    return lambda model: PlainHand(asked, names, model)
