"""StandardScaler | LogisticRegression in plain arithmetic: bit for bit what River's own calls give, only cheaper.

River looks every feature up by its name in several dictionaries per call. Here what it has learnt lies in rows in the
order of the features, from when the model is taken in hand until it is put back. What is done to each feature is
written out for as many features as there are, so that every number has a variable of its own.
"""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import repeat
from typing import Any

from river.compose import Pipeline
from river.linear_model import LogisticRegression
from river.optim import SGD
from river.optim.initializers import Zeros
from river.optim.losses import Log
from river.optim.schedulers import Constant
from river.preprocessing import StandardScaler
from river.utils.math import sigmoid

from streams.learner import Prediction, class_text

POSITIVE, NEGATIVE = class_text(True), class_text(False)


def is_scaled(model: Any) -> bool:
    """Whether `model`, untaught, is one that `ScaledHand` knows: of these classes, no penalty, weights from 0 on."""
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
        and type(step.initializer) is Zeros
        and not (step.l1 or step.l2 or step.weights)
    )


class ScaledHand:
    """Such a model in hand. Sums run over the features in their order, as River's do.

    The scaler keeps the running mean and variance of each feature (Welford, 1962); `deviations` are the latter's roots.
    """

    __slots__ = (
        "_ask",
        "_asked",
        "_count",
        "_descend",
        "_deviations",
        "_learnt",
        "_means",
        "_meet",
        "_names",
        "_regression",
        "_scaler",
        "_variances",
        "_weights",
    )

    def __init__(self, names: Sequence[str], model: Any) -> None:
        self._names = names
        self._ask, self._meet, self._descend = _ask(len(names)), _meet(len(names)), _descend(len(names))
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
        total = self._ask(vector, self._means, self._deviations, self._weights)
        share = sigmoid(total + self._regression.intercept)
        return Prediction(float(share), POSITIVE if share > 1.0 - share else NEGATIVE, None)

    def learn(self, vector: Sequence[float], truth: bool) -> None:
        regression, weights = self._regression, self._weights
        self._count += 1
        total, scaled = self._meet(vector, self._count, self._means, self._variances, self._deviations, weights)
        gradient = regression.loss.gradient(truth, total + regression.intercept)
        clip = regression.clip_gradient
        gradient = max(min(gradient, clip), -clip)
        regression.intercept -= regression.intercept_lr.learning_rate * gradient
        rate = regression.optimizer.lr.learning_rate
        self._descend(weights, scaled, gradient, rate)
        self._learnt += 1

    def put_back(self) -> None:
        names, scaler, regression = self._names, self._scaler, self._regression
        if self._learnt:
            dict.update(scaler.counts, zip(names, repeat(self._count)))  # Counter's own would add
            scaler.means.update(zip(names, self._means, strict=True))
            regression._weights.update(dict(zip(names, self._weights, strict=True)))
            regression.optimizer.n_iterations += self._learnt
        if self._learnt or self._asked:
            scaler.vars.update(zip(names, self._variances, strict=True))


@cache
def _ask(features: int) -> Callable[..., float]:
    """Called with a vector, means, deviations and weights: the weighted sum of the scaled vector."""
    return _written(
        "def made(vector, means, deviations, weights):",
        _unpacked(features, x="vector", m="means", s="deviations", w="weights"),
        "total = 0.0",
        *(f"total += w{i} * ((x{i} - m{i}) / s{i} if s{i} else 0.0)" for i in range(features)),
        "return total",
    )


@cache
def _meet(features: int) -> Callable[..., tuple[float, Sequence[float]]]:
    """Called with a vector, the how many-th that is learnt, means, variances, deviations and weights: takes the vector
    in, and gives the weighted sum of the scaled vector, and that."""
    each = (
        f"apart = x{i} - m{i}; m{i} += apart / count; left = x{i} - m{i}; v{i} += (apart * left - v{i}) / count; "
        f"s{i} = v{i} ** 0.5; x{i} = left / s{i} if s{i} else 0.0; total += w{i} * x{i}"
        for i in range(features)
    )
    return _written(
        "def made(vector, count, means, variances, deviations, weights):",
        _unpacked(features, x="vector", m="means", v="variances", w="weights"),
        "total = 0.0",
        *each,
        f"means[:] = {_all('m', features)}",
        f"variances[:] = {_all('v', features)}",
        f"deviations[:] = {_all('s', features)}",
        f"return total, ({_all('x', features)})",
    )


@cache
def _descend(features: int) -> Callable[..., None]:
    """Called with weights, the scaled vector, the gradient and a rate: takes a step of stochastic gradient descent."""
    each = "".join(f"w{i} - rate * (gradient * x{i})," for i in range(features))
    return _written(
        "def made(weights, scaled, gradient, rate):",
        _unpacked(features, w="weights", x="scaled"),
        f"weights[:] = {each}",
    )


def _unpacked(features: int, **rows: str) -> str:
    return "; ".join(f"{_all(letter, features)} = {row}" for letter, row in rows.items())


def _all(letter: str, features: int) -> str:
    """The variables of a row: `x0,x1,`."""
    return "".join(f"{letter}{i}," for i in range(features))


def _written(head: str, *lines: str) -> Callable[..., Any]:
    """The function `made` of these lines."""
    names: dict[str, Callable[..., Any]] = {}
    exec("\n ".join([head, *lines]), names)  # noqa: S102 (lines of our own making)
    return names["made"]


def _row(held: Any, names: Sequence[str]) -> list[float]:
    """What is held of each feature; nothing yet is 0."""
    return [held.get(name, 0.0) for name in names]
