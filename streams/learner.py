"""One model call per event, one per label: how each kind of River model is asked and taught."""

from collections.abc import Callable, Mapping
from math import isfinite, nan
from sys import float_info
from typing import Any, Literal, Protocol

import msgspec
from river import base, compose
from river.active.base import ActiveLearningClassifier

from schemas.problem import Problem
from schemas.reject import Reason, Reject
from streams.labels import Task

Kind = Literal["classifier", "regressor", "anomaly"]

_LONG = 2**63


class Prediction(msgspec.Struct, frozen=True, gc=False):
    """What a model says of one event."""

    score: float
    predicted: str | None
    probabilities: dict[str, float] | None


class Learner(Protocol):
    """How one kind of model is asked, taught, and how its truth is read."""

    def predict(self, model: Any, x: Mapping[str, float]) -> Prediction | None:
        """Ask the model once; None where it has nothing to say yet."""

    def learn(self, model: Any, x: Mapping[str, float], truth: Any) -> None:
        """Teach the model once."""

    def truth(self, value: Any) -> Any:
        """The label's value as the model wants it. Raises `Reject` where it is no such thing."""


def kind_of(model: Any) -> Kind:
    """Which kind of River model this is. Raises `Problem` where it is none that scores events."""
    last = last_step(model)
    if isinstance(last, ActiveLearningClassifier | base.MultiTargetRegressor | base.MultiLabelClassifier):
        raise Problem(f"{type(last).__name__} does not give one class or number for an event: use one that does")
    if isinstance(last, base.SupervisedAnomalyDetector):
        raise Problem(f"{type(last).__name__} needs the truth to score: use an unsupervised anomaly detector")
    if isinstance(last, base.AnomalyDetector):
        return "anomaly"
    if isinstance(last, base.Classifier):
        return "classifier"
    if isinstance(last, base.Regressor):
        return "regressor"
    raise Problem(f"model= gives {type(last).__name__}: end it with a River classifier, regressor or anomaly detector")


def last_step(model: Any) -> Any:
    """The estimator that answers: the last step of a pipeline, else the model itself."""
    return list(model.steps.values())[-1] if isinstance(model, compose.Pipeline) else model


def learner(model: Any, task: Task) -> Learner:
    """The learner for this kind of model and this task. Raises `Problem` where they do not fit."""
    kind = kind_of(model)
    if kind == "anomaly":
        return Anomaly(_READ_TRUTH[task])
    if kind == "regressor" and task == "regression":
        return Regressor()
    if kind == "classifier" and task == "multiclass" and not model._multiclass:
        raise Problem(
            f"{type(last_step(model)).__name__} tells two classes apart, and the task is multiclass: wrap it, as in "
            f"OneVsRestClassifier(…); a class of your own says that it can by a property _multiclass"
        )
    if kind == "classifier" and task in ("binary", "multiclass"):
        return Classifier(task, gives_probabilities(model))
    raise Problem(f"a {kind} cannot learn the task {task!r}: change model= or labels=")


def gives_probabilities(model: Any) -> bool:
    """Whether the classifier implements `predict_proba_one`."""
    return type(last_step(model)).predict_proba_one is not base.Classifier.predict_proba_one


class Classifier:
    """Asks for probabilities where the model gives them, else for the class.

    Several classes stand in the order of their names, and of those that are as likely the first is said: some models
    walk sets, whose order another process does not share.
    """

    def __init__(self, task: Task, probabilities: bool) -> None:
        self._binary = task == "binary"
        self._probabilities = probabilities
        self.truth: Callable[[Any], Any] = _READ_TRUTH[task]

    def predict(self, model: Any, x: Mapping[str, float]) -> Prediction | None:
        if not self._probabilities:
            said = model.predict_one(x)
            return None if said is None else Prediction(float(said) if self._binary else 1.0, class_text(said), None)
        shares = model.predict_proba_one(x)
        if not shares:
            return None
        if self._binary:
            return Prediction(float(shares.get(True, 0.0)), class_text(max(shares, key=shares.get)), None)
        named = dict(sorted((class_text(each), float(share)) for each, share in shares.items()))
        likeliest = max(named, key=named.__getitem__)
        return Prediction(named[likeliest] if all(map(isfinite, named.values())) else nan, likeliest, named)

    def learn(self, model: Any, x: Mapping[str, float], truth: Any) -> None:
        model.learn_one(x, truth)


class Regressor:
    """Asks for the value."""

    def __init__(self) -> None:
        self.truth = _number

    def predict(self, model: Any, x: Mapping[str, float]) -> Prediction | None:
        value = model.predict_one(x)
        return None if value is None else Prediction(float(value), None, None)

    def learn(self, model: Any, x: Mapping[str, float], truth: Any) -> None:
        model.learn_one(x, truth)


class Anomaly:
    """Asks how unusual the event is; learns every event, whatever the truth."""

    def __init__(self, truth: Callable[[Any], Any]) -> None:
        self.truth = truth

    def predict(self, model: Any, x: Mapping[str, float]) -> Prediction | None:
        return Prediction(float(model.score_one(x)), None, None)

    def learn(self, model: Any, x: Mapping[str, float], truth: Any) -> None:  # noqa: ARG002 (it needs no truth)
        model.learn_one(x)


def class_text(value: Any) -> str:
    """A class as text: `true` and `false` for truth values, else as Python prints it.

    >>> class_text(True), class_text("sky"), class_text(3)
    ('true', 'sky', '3')
    """
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _binary(value: Any) -> bool:
    if value in (0, 1):
        return bool(value)
    raise Reject(Reason.INVALID, f"the label {value!r} is neither true nor false")


def _class(value: Any) -> Any:
    if isinstance(value, str) or (isinstance(value, int) and -_LONG <= value < _LONG):
        return value
    raise Reject(Reason.INVALID, f"the label {value!r} names no class: text, or a whole number of 64 bits")


def _number(value: Any) -> float:
    if isinstance(value, int | float) and abs(value) <= float_info.max:
        return float(value)
    raise Reject(Reason.NOT_FINITE, f"the label {value!r} is no finite number")


def _nothing(value: Any) -> Any:
    return value


_READ_TRUTH: Mapping[Task, Callable[[Any], Any]] = {
    "binary": _binary,
    "multiclass": _class,
    "regression": _number,
    "none": _nothing,
}
