"""Who answers: the champion, or what is said while it has nothing to say or can no longer be believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from schemas.scored import Rung
from streams.hand import Hand
from streams.labels import Task
from streams.learner import Prediction


@dataclass(slots=True)
class Belief:
    """What is known beside the model: how much truth there was, its sum, and whether the model has diverged."""

    learnt: int = 0
    target_sum: float = 0.0
    diverged: bool = False

    def learn(self, truth: Any) -> None:
        """Take in one label; classes count, but have no sum, nor has what would carry it beyond the largest float."""
        self.learnt += 1
        if isinstance(truth, bool | float) and isfinite(self.target_sum + truth):
            self.target_sum += truth


class Ladder:
    """The champion first, then the prior. A model that diverges is neither asked nor taught again."""

    def __init__(self, task: Task) -> None:
        self._task = task

    def answer(self, model: Hand, vector: Sequence[float], belief: Belief) -> tuple[Rung, Prediction]:
        """Rung and prediction. Raises `ArithmeticError`, once, where the model diverges: its score is not finite."""
        if belief.diverged:
            return self.fallback(belief)
        try:
            prediction = model.predict(vector)
            if prediction is None:
                return self.fallback(belief)
            if not isfinite(prediction.score):
                raise OverflowError(f"its score is {prediction.score}")
        except ArithmeticError:
            belief.diverged = True
            raise
        return "champion", prediction

    def teach(self, model: Hand, vector: Sequence[float], truth: Any, belief: Belief) -> bool:
        """Whether the model has learnt. Raises `ArithmeticError`, once, where it diverges: it cannot be computed."""
        if belief.diverged:
            return False
        try:
            model.learn(vector, truth)
        except ArithmeticError:
            belief.diverged = True
            raise
        belief.learn(truth)
        return True

    def fallback(self, belief: Belief) -> tuple[Rung, Prediction]:
        """The mean of the truth so far; for a share by Laplace's rule of succession, (k + 1) / (n + 2)."""
        if self._task == "binary":
            score = (belief.target_sum + 1.0) / (belief.learnt + 2.0)
        elif self._task == "regression" and belief.learnt:
            score = belief.target_sum / belief.learnt
        else:
            score = 0.0
        return "prior", Prediction(score, None, None)
