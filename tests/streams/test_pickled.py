"""A model is read back by names that models are made of, and by no others."""

import os
import pickle
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from river.datasets import Phishing
from river.linear_model import LogisticRegression

from schemas.problem import Problem
from streams.load import load
from streams.pickled import pickled_model
from streams.score import ScoreStage
from streams.score_state import MODEL
from tests.streams.builders import Log, fold, pipeline

PICKLED = pickled_model(LogisticRegression(), __name__)


class Forged:
    """Asks whoever reads it to call something."""

    def __init__(self, call: Callable[..., Any], *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[object, ...]]:
        return self.call, self.arguments


class OurModel(LogisticRegression):
    """A model of the pipeline's own module."""


def a_function() -> None:
    """Stands in the pipeline's module and is no model."""


FORGED = {
    "system": Forged(os.system, "true"),
    "rmtree": Forged(shutil.rmtree, "nothing"),
    "eval": Forged(eval, "1"),
    "import": Forged(__import__, "antigravity"),
    "partial": partial(os.system, "true"),
    "download": Phishing,
    "function of the pipeline's module": a_function,
    "class of the pipeline's module": Forged,
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_pickle_that_names_anything_else_is_refused(forged: object) -> None:
    with pytest.raises(Problem, match=r"names .* so it was not read"):
        PICKLED.read(pickle.dumps(forged))


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("river.base", "typing.sys.modules"),
        ("river.linear_model.base", "np.load"),
        ("river.compose.pipeline", "functools.partial"),
        ("river.linear_model.log_reg", "LogisticRegression.__init__.__globals__"),
        (__name__, "OurModel.__init__.__globals__"),
        (__name__, "os.system"),
        ("this", "s"),
    ],
)
def test_a_name_that_leads_out_of_a_module_is_refused(module: str, name: str) -> None:
    protocol_4 = b"\x80\x04\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)])

    with pytest.raises(Problem):
        PICKLED.read(protocol_4 + name.encode() + b"\x93.")


def test_getattr_gives_methods_only() -> None:
    for of, name in (
        (LogisticRegression, "__init__"),
        (LogisticRegression(), "__class__"),
        (LogisticRegression(), "l2"),
    ):
        with pytest.raises(Problem, match="which is no method"):
            PICKLED.read(pickle.dumps(Forged(getattr, of, name)))


def test_models_of_the_pipelines_own_module_are_read() -> None:
    assert isinstance(PICKLED.read(pickle.dumps(OurModel())), OurModel)


def test_what_is_no_pickle_of_these_versions_says_so() -> None:
    with pytest.raises(Problem, match="start a new version of the pipeline"):
        PICKLED.read(b"nonsense")


def test_a_model_that_cannot_be_saved_is_refused_before_anything_is_folded() -> None:
    def inner() -> None: ...

    model = LogisticRegression()
    model.called = inner  # type: ignore[attr-defined]  # what a user may do to a model

    with pytest.raises(Problem, match="not lambdas nor inner functions"):
        pickled_model(model, __name__)


def test_a_forged_model_stops_the_restore() -> None:
    made = pipeline()
    stage = ScoreStage(made)
    state, _ = fold(made, Log().tap("1", 1_000).records)
    values = {key: value for key, value in stage.save(state) if value is not None}

    with pytest.raises(Problem, match=r"system"):
        stage.restore(0, {**values, MODEL: pickle.dumps(Forged(os.system, "true"))})


PIPELINE_FILE = """
from pydantic import BaseModel
from river.linear_model import LogisticRegression
from streams import Field, Labels, Pipeline

class Tap(BaseModel):
    tap_id: str
    at_ms: int
    amount: float
    fraud: bool

class Mine(LogisticRegression):
    pass

made = Pipeline(name="taps", event=Tap, id="tap_id", time="at_ms", features=[Field("amount")], model=lambda: Mine(),
                labels=Labels(field="fraud", task="binary"))
"""


def test_a_pipeline_file_may_be_moved_and_its_own_model_is_still_read(tmp_path: Path) -> None:
    stages = []
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"{tmp_path.name}_file.py").write_text(PIPELINE_FILE)
        stages.append(ScoreStage(load(f"{tmp_path / name / f'{tmp_path.name}_file.py'}:made")))
    here, there = stages

    saved = dict(here.save(here.initial(0)))
    state = there.restore(0, {key: value for key, value in saved.items() if value is not None})

    assert type(state.model) is type(there.initial(0).model)
