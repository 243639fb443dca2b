"""StandardScaler | LogisticRegression in plain arithmetic: bit for bit what River's own calls give, only cheaper.

River looks every feature up by its name in several dictionaries per call. Here what it has learnt lies in rows in the
order of the features, from when the model is taken in hand until it is put back.
"""

from collections.abc import Sequence
from itertools import repeat
from typing import Any

from river.compose import Pipeline
from river.linear_model import LogisticRegression
from river.optim import SGD
from river.optim.losses import Log
from river.optim.schedulers import Constant
from river.preprocessing import StandardScaler
from river.utils.math import sigmoid

from streams.learner import Prediction, class_text

POSITIVE, NEGATIVE = class_text(True), class_text(False)


def is_scaled(model: Any) -> bool:
    """Whether `model`, untaught, is one that `ScaledHand` knows: of these very classes, and with no penalty."""
    if type(model) is not Pipeline or len(model.steps) != 2:
        return False
    scaler, regression = model.steps.values()
    return _is_scaler(scaler) and _is_regression(regression)


def _is_scaler(step: Any) -> bool:
    return type(step) is StandardScaler and step.with_std and step.window_size is None and not step.counts


def _is_regression(step: Any) -> bool:
    return (
        type(step) is LogisticRegression
        and type(step.optimizer) is SGD
        and type(step.optimizer.lr) is type(step.intercept_lr) is Constant
        and type(step.loss) is Log
        and not (step.l1 or step.l2 or step.weights)
    )


class ScaledHand:
    """Such a model in hand. Sums run over the features in their order, as River's do.

    The scaler keeps the running mean and variance of each feature (Welford, 1962); `deviations` are the latter's roots.
    """

    __slots__ = (
        "_asked",
        "_count",
        "_deviations",
        "_learnt",
        "_means",
        "_names",
        "_regression",
        "_scaler",
        "_variances",
        "_weights",
    )

    def __init__(self, names: Sequence[str], model: Any) -> None:
        self._names = names
        self._scaler, self._regression = model.steps.values()
        self._means = _row(self._scaler.means, names)
        self._variances = _row(self._scaler.vars, names)
        self._deviations = [variance**0.5 for variance in self._variances]
        self._weights = _row(self._regression._weights, names)
        self._count = self._scaler.counts[names[0]]
        self._asked = False
        self._learnt = 0

    def predict(self, vector: Sequence[float]) -> Prediction:
        self._asked = True
        total = 0.0
        for value, mean, deviation, weight in zip(vector, self._means, self._deviations, self._weights, strict=True):
            total += weight * ((value - mean) / deviation if deviation else 0.0)
        share = sigmoid(total + self._regression.intercept)
        return Prediction(float(share), POSITIVE if share > 1.0 - share else NEGATIVE, None)

    def learn(self, vector: Sequence[float], truth: bool) -> None:
        regression = self._regression
        scaled = self._scale(vector)
        weights, total = self._weights, 0.0
        for weight, value in zip(weights, scaled, strict=True):
            total += weight * value
        gradient = regression.loss.gradient(truth, total + regression.intercept)
        clip = regression.clip_gradient
        gradient = max(min(gradient, clip), -clip)
        regression.intercept -= regression.intercept_lr.learning_rate * gradient
        rate = regression.optimizer.lr.learning_rate
        self._weights = [w - rate * (gradient * value) for w, value in zip(weights, scaled, strict=True)]
        self._learnt += 1

    def _scale(self, vector: Sequence[float]) -> list[float]:
        """Take the vector in, then scale it."""
        means, variances, deviations = self._means, self._variances, self._deviations
        self._count = count = self._count + 1
        scaled = []
        for i, value in enumerate(vector):
            mean = means[i]
            apart = value - mean
            means[i] = mean = mean + apart / count
            left = value - mean
            variance = variances[i]
            variances[i] = variance = variance + (apart * left - variance) / count
            deviations[i] = deviation = variance**0.5
            scaled.append(left / deviation if deviation else 0.0)
        return scaled

    def put_back(self) -> None:
        names, scaler, regression = self._names, self._scaler, self._regression
        if self._learnt:
            dict.update(scaler.counts, zip(names, repeat(self._count)))  # Counter's own would add
            scaler.means.update(zip(names, self._means, strict=True))
            regression._weights.update(dict(zip(names, self._weights, strict=True)))
            regression.optimizer.n_iterations += self._learnt
        if self._learnt or self._asked:
            scaler.vars.update(zip(names, self._variances, strict=True))


def _row(held: Any, names: Sequence[str]) -> list[float]:
    """What is held of each feature; nothing yet is 0."""
    return [held.get(name, 0.0) for name in names]
