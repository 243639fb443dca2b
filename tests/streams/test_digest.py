"""The digest names what a definition computes: the same in every process, another for every change that matters."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from river.anomaly import HalfSpaceTrees
from river.forest import ARFClassifier
from river.linear_model import LogisticRegression
from river.naive_bayes import GaussianNB
from river.optim import SGD
from river.preprocessing import StandardScaler

from schemas.problem import Problem
from streams import Derived, Field, per
from streams.load import load
from streams.sources import function_tree
from tests.streams.builders import labels, pipeline

FILE = '''
"""A pipeline as a person writes it."""
from enum import IntEnum
from functools import wraps
from typing import Annotated

from pydantic import AfterValidator, BaseModel, field_validator
from pydantic import Field as Bound
from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from streams import Derived, Field, Labels, Pipeline, per

LIMIT = 100
BANDS = (1, 2)
SIGN = (lambda tap: tap.amount, lambda tap: -tap.amount)


class Kind(IntEnum):
    DEAR = 7


def half(tap):
    return 0.5


def none(tap):
    return 0.0


TABLE = {"a": half, "b": none}


def times(factor):
    def around(function):
        @wraps(function)
        def inner(tap):
            return factor * function(tap)
        return inner
    return around


@times(2)
def by_table(tap):
    return TABLE[tap.card](tap) + Kind.DEAR


class Tap(BaseModel):
    tap_id: str
    at_ms: int
    card: str
    amount: float
    fraud: bool

    @field_validator("amount")
    @classmethod
    def at_least_nothing(cls, amount):
        return max(amount, 0.0)

    @property
    def twice(self):
        return self.amount * 2


def above(amount, limit=LIMIT):
    return amount > limit


def large(tap):
    """Whether it is large."""
    return any(above(tap.amount * band) for band in BANDS)


def more_than(limit):
    def compare(tap):
        return tap.amount > limit
    return compare


taps = Pipeline(
    name="taps", event=Tap, id="tap_id", time="at_ms",
    labels=Labels(field="fraud", task="binary"),
    features=[Field("amount"), Derived("large", large), Derived("huge", more_than(500)), Derived("sign", SIGN[0]),
              Derived("table", by_table)],
    model=lambda: StandardScaler() | LogisticRegression(l2=0.1),
)
'''


def digest_of(directory: Path, old: str = "", new: str = "") -> str:
    """The digest of the file with one piece of its text replaced, loaded from a place of its own."""
    assert old in FILE
    directory.mkdir(exist_ok=True)
    path = directory / f"taps{len(list(directory.iterdir()))}.py"
    path.write_text(FILE.replace(old, new, 1) if old else FILE)
    return load(f"{path}:taps").digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 100", "LIMIT = 101"),
        ("BANDS = (1, 2)", "BANDS = (1, 3)"),
        ("amount > limit\n\n\ndef large", "amount >= limit\n\n\ndef large"),
        ("return tap.amount > limit", "return tap.amount < limit"),
        ("tap.amount * band", "tap.amount + band"),
        ("more_than(500)", "more_than(501)"),
        ("l2=0.1", "l2=0.2"),
        ("StandardScaler() | ", ""),
        ('"large", large', '"big", large'),
        ('Field("amount"), D', "D"),
        ("return tap.amount > limit", "return tap.twice > limit"),
        ("    amount: float\n", "    amount: float = 1.0\n"),
        ("    amount: float\n", "    amount: Annotated[float, AfterValidator(abs)]\n"),
        ("return self.amount * 2", "return self.amount * 3"),
        ("return max(amount, 0.0)", "return max(amount, 1.0)"),
        ("DEAR = 7", "DEAR = 8"),
        ("return 0.5", "return 0.25"),
        ("return factor * function(tap)", "return factor + function(tap)"),
        ("@times(2)", "@times(3)"),
        ("(lambda tap: tap.amount, lambda tap: -tap.amount)", "(lambda tap: -tap.amount, lambda tap: tap.amount)"),
        ("SIGN[0]", "SIGN[1]"),
        ('{"a": half, "b": none}', '{"a": none, "b": half}'),
    ],
)
def test_a_change_of_what_is_computed_changes_the_digest(tmp_path: Path, old: str, new: str) -> None:
    assert digest_of(tmp_path, old, new) != digest_of(tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Whether it is large."""', '"""Whether it is that large."""'),
        ("    return any(", "    # a remark\n\n    return any("),
        ("tap.amount * band", "(tap.amount   *\n        band)"),
        ('"""A pipeline as a person writes it."""', ""),
        ("BANDS = (1, 2)", "BANDS = (1, 2)\nUNUSED = 7"),
        ('name="taps", event=Tap', 'event=Tap, name="taps"'),
        ("(lambda tap: tap.amount, lambda tap: -tap.amount)", "(  lambda tap: tap.amount , lambda tap:-tap.amount)"),
        ("    tap_id: str\n", "    tap_id: str\n    note: str = 'none'\n"),
        ("    amount: float\n", "    amount: float = Bound(lt=1_000)\n"),
    ],
)
def test_how_the_file_looks_does_not_change_the_digest(tmp_path: Path, old: str, new: str) -> None:
    assert digest_of(tmp_path, old, new) == digest_of(tmp_path)


def test_where_the_file_lies_does_not_change_the_digest(tmp_path: Path) -> None:
    """Nor does a class of the file's own, whose module is named after the place."""
    own = "LogisticRegression(l2=0.1)", 'type("Mine", (LogisticRegression,), {"__module__": __name__})(l2=0.1)'
    (tmp_path / "deep").mkdir()

    assert digest_of(tmp_path, *own) == digest_of(tmp_path / "deep", *own) != digest_of(tmp_path)


SCRIPT = """
from infra.pipelines.payments import payments
from tests.streams.builders import pipeline
from river.forest import ARFClassifier
print(payments.digest, pipeline(model=lambda: ARFClassifier(seed=1)).digest)
"""


def test_the_digest_is_the_same_in_every_process() -> None:
    def run(seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        return subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    first, second = run("1"), run("2")

    assert first == second
    assert len(first.split()) == 2


CHANGES: dict[str, dict[str, Any]] = {
    "optimizer": {"model": lambda: StandardScaler() | LogisticRegression(optimizer=SGD(0.02))},
    "model": {"model": GaussianNB},
    "scaler": {"model": lambda: StandardScaler(with_std=False) | LogisticRegression()},
    "seed": {"model": lambda: ARFClassifier(seed=1)},
    "another seed": {"model": lambda: ARFClassifier(seed=2)},
    "window": {"features": [per("card").over("21ms").count()]},
    "field": {"features": [Field("amount")]},
    "default": {"features": [Field("tip", default=0.0)]},
    "another default": {"features": [Field("tip", default=1.0)]},
    "horizon": {"labels": labels(horizon="90ms"), "remember": "100ms"},
    "remember": {"remember": "200ms"},
    "late": {"late": "skip"},
    "ahead": {"ahead": "2s"},
    "keys of events": {"rekey": ("events",)},
    "keys of labels": {"rekey": ("labels",)},
    "keys of both": {"rekey": ("events", "labels")},
    "task": {"labels": labels(task="multiclass"), "model": GaussianNB},
}


def test_no_two_definitions_that_compute_something_else_share_a_digest() -> None:
    digests = {name: pipeline(**change).digest for name, change in {"none": {}, **CHANGES}.items()}

    assert len(set(digests.values())) == len(digests), digests


def test_the_same_definition_has_the_same_digest() -> None:
    assert pipeline().digest == pipeline().digest
    assert pipeline(events_topic="elsewhere").digest == pipeline(rekey=()).digest == pipeline().digest
    assert pipeline(rekey=["labels", "events"]).digest == pipeline(rekey=("events", "labels")).digest


def test_the_feature_set_names_the_features_and_their_order() -> None:
    one, two = Field("amount"), Field("tip", default=0.0)

    assert pipeline(features=[one, two]).feature_set != pipeline(features=[two, one]).feature_set
    assert pipeline(features=[one], model=GaussianNB).feature_set == pipeline(features=[one]).feature_set


def counting(seen: Any) -> Callable[[Any], float]:
    def count(tap: Any) -> float:
        seen.append(tap)
        return float(len(seen))

    return count


def looking_up(table: Any) -> Callable[[Any], float]:
    def look_up(tap: Any) -> float:
        return float(table[tap.card])

    return look_up


class Callable_:  # noqa: N801
    """Something that can be called and is no function."""

    def __call__(self, tap: Any) -> float:
        return float(tap.amount)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (counting([]), "seen"),
        (looking_up({"a": 1.0}), "table"),
        (looking_up(object()), "table"),
        (Callable_(), "source"),
    ],
)
def test_a_function_that_may_change_between_calls_is_refused(function: Any, named: str) -> None:
    with pytest.raises(Problem, match=named):
        pipeline(features=[Derived("x", function)])


first: Callable[[Any], float] = lambda tap: tap.amount  # noqa: E731
second: Callable[[Any], float] = lambda tap: tap.amount + 1  # noqa: E731


def both(tap: Any) -> float:
    return float(first(tap) + second(tap))


def test_every_function_that_is_called_counts_though_they_share_a_name() -> None:
    tree = str(function_tree(both))

    assert "lambda tap: tap.amount'" in tree
    assert "lambda tap: tap.amount + 1" in tree


def test_a_parameter_that_cannot_be_digested_is_refused() -> None:
    limits: Any = {"amount": object()}

    with pytest.raises(Problem, match="cannot be digested"):
        pipeline(features=[Field("amount")], model=lambda: HalfSpaceTrees(seed=1, limits=limits))
