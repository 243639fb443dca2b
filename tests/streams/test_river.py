"""A fold over events and labels is River's own progressive validation: every prediction, count for count."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, cycle, islice
from typing import Any

import pytest
import river.datasets
import river.metrics
from pydantic import BaseModel, create_model
from river import evaluate
from river.linear_model import LinearRegression, LogisticRegression
from river.naive_bayes import GaussianNB
from river.preprocessing import StandardScaler
from river.tree import HoeffdingTreeClassifier, HoeffdingTreeRegressor

from schemas.outcome import Outcome
from schemas.scored import Scored
from streams import Field, Labels, Pipeline
from streams.learner import class_text
from streams.runtime.merge import Merge
from streams.score import ScoreStage
from streams.stage import Emitted, Record, Role
from tests.streams.builders import messages
from tests.streams.runtime.logs import Stored, whole

Row = tuple[dict[str, Any], Any]
START_MS = 1_000_000
datasets: Any = river.datasets  # partly annotated, as are the others
metrics: Any = river.metrics
progressive_validation: Any = evaluate.iter_progressive_val_score

DATA: dict[str, Callable[[], Iterable[Row]]] = {
    "Phishing": datasets.Phishing,
    "Bananas": lambda: islice(datasets.Bananas(), 1_000),
    "ImageSegments": lambda: islice(datasets.ImageSegments(), 0, 2_310, 5),
    "ChickWeights": datasets.ChickWeights,
    "TrumpApproval": datasets.TrumpApproval,
}
MODELS: dict[str, Callable[[], Any]] = {
    "logistic": lambda: StandardScaler() | LogisticRegression(),
    "bayes": GaussianNB,
    "tree": HoeffdingTreeClassifier,
    "linear": lambda: StandardScaler() | LinearRegression(),
    "tree of numbers": HoeffdingTreeRegressor,
}
CLASSES = [
    *[(data, model) for data in ("Phishing", "Bananas") for model in ("logistic", "bayes", "tree")],
    ("ImageSegments", "bayes"),
    ("ImageSegments", "tree"),
]
NUMBERS = [(data, model) for data in ("ChickWeights", "TrumpApproval") for model in ("linear", "tree of numbers")]
GAPS_MS = (0, 5, 1, 0, 0, 40, 3)


def rows(data: str) -> list[Row]:
    """The data set under names that Avro allows."""
    return [({f"f{n}": value for n, value in enumerate(x.values())}, y) for x, y in DATA[data]()]


def defined(sample: Row, model: Callable[[], Any]) -> Pipeline:
    x, y = sample
    task: Any = {bool: "binary", str: "multiclass"}.get(type(y), "regression")
    fields: dict[str, Any] = dict.fromkeys(x, (float, ...))
    event = create_model("Row", id=(str, ...), at_ms=(int, ...), **fields)
    label = create_model(
        "Answer", id=(str, ...), known_ms=(int, ...), truth=(float if task == "regression" else type(y), ...)
    )
    return Pipeline(
        name="river",
        event=event,
        id="id",
        time="at_ms",
        labels=Labels(label, id="id", field="truth", time="known_ms", task=task, horizon="1d"),
        features=[Field(name) for name in x],
        model=model,
    )


def merged(made: Pipeline, told: Sequence[Row], times_ms: Sequence[int], delay_ms: int) -> list[Record]:
    """Both topics preloaded, as the merge orders them."""
    assert made.labels is not None
    assert made.labels.event is not None
    values: list[list[BaseModel]] = [[], []]
    logs: list[list[Stored]] = [[], []]
    for n, ((x, y), at_ms) in enumerate(zip(told, times_ms, strict=True)):
        values[0].append(made.labels.event(id=str(n), known_ms=at_ms + delay_ms, truth=y))
        values[1].append(made.event(id=str(n), at_ms=at_ms, **x))
        logs[0].append(Stored("labels", n, at_ms + delay_ms))
        logs[1].append(Stored("events", n, at_ms))
    merge = Merge(["labels", "events"], [0, 0])
    merge.deliver(whole("events", logs[1]))
    merge.deliver(whole("labels", logs[0]))
    roles = (Role.LABELS, Role.EVENTS)
    return [
        Record(roles[rank], raw.topic, 0, raw.offset, raw.timestamp, b"", values[rank][raw.offset])
        for rank, raw in merge.take(2 * len(told))
    ]


def folded(data: str, model: str, times_ms: Sequence[int] | None = None, delay_ms: int = 0) -> list[Emitted]:
    told = rows(data)
    made = defined(told[0], MODELS[model])
    stage = ScoreStage(made)
    state = stage.initial(0)
    emitted = stage.fold(state, merged(made, told, times_ms or [START_MS + n for n in range(len(told))], delay_ms))
    assert state.counts["labels.learnt"] == state.counts["events.scored"] == len(told)
    return emitted


def predictions(data: str, model: str, metric: Any, **delayed: Any) -> list[Any]:
    """What River predicts, in the order of the rows; `metric` is updated."""
    steps: Iterator[dict[str, Any]] = progressive_validation(
        rows(data), MODELS[model](), metric, step=1, yield_predictions=True, **delayed
    )
    return [step["Prediction"] for step in steps]


def said(prediction: Any) -> str | None:
    return None if prediction is None else class_text(prediction)


def judge_classes(emitted: list[Emitted], confusion: Any, predicted: Sequence[Any]) -> None:
    ours = metrics.ConfusionMatrix()
    for outcome in messages(emitted, Outcome):
        if outcome.predicted is not None:
            ours.update(outcome.label, outcome.predicted)

    assert [scored.predicted for scored in messages(emitted, Scored)] == [said(each) for each in predicted]
    assert {(class_text(a), class_text(b)): n for a, b, n in cells(confusion)} == {(a, b): n for a, b, n in cells(ours)}


def cells(confusion: Any) -> list[tuple[Any, Any, float]]:
    return [(a, b, n) for a, row in confusion.data.items() for b, n in row.items() if n]


@pytest.mark.parametrize("one_time", [False, True], ids=["times increase", "one time for all"])
@pytest.mark.parametrize(("data", "model"), CLASSES)
def test_labels_without_delay_give_rivers_predictions_and_confusion(data: str, model: str, one_time: bool) -> None:
    confusion = metrics.ConfusionMatrix()
    predicted = predictions(data, model, confusion)

    emitted = folded(data, model, [START_MS] * len(predicted) if one_time else None)

    judge_classes(emitted, confusion, predicted)


@pytest.mark.parametrize(("data", "model"), CLASSES)
def test_labels_with_delay_give_rivers_predictions_and_confusion(data: str, model: str) -> None:
    count = len(rows(data))
    times_ms = [START_MS + t for t in accumulate(islice(cycle(GAPS_MS), count))]
    confusion, moments = metrics.ConfusionMatrix(), iter(times_ms)
    predicted = predictions(data, model, confusion, moment=lambda _: next(moments), delay=123)

    emitted = folded(data, model, times_ms, delay_ms=123)

    judge_classes(emitted, confusion, predicted)
    assert predicted != predictions(data, model, metrics.ConfusionMatrix())


@pytest.mark.parametrize(("data", "model"), [each for each in CLASSES if each[0] != "ImageSegments"])
def test_the_score_is_rivers_probability_of_true(data: str, model: str) -> None:
    shares = predictions(data, model, metrics.LogLoss())

    scored = messages(folded(data, model), Scored)

    assert [s.score for s in scored if s.rung == "champion"] == [share.get(True, 0.0) for share in shares if share]


@pytest.mark.parametrize("delay_ms", [0, 123])
@pytest.mark.parametrize(("data", "model"), NUMBERS)
def test_numbers_are_rivers_and_so_is_their_error(data: str, model: str, delay_ms: int) -> None:
    count = len(rows(data))
    times_ms = [START_MS + t for t in accumulate(islice(cycle(GAPS_MS), count))]
    theirs, ours, moments = metrics.MAE(), metrics.MAE(), iter(times_ms)
    predicted = predictions(data, model, theirs, moment=lambda _: next(moments), delay=delay_ms)

    emitted = folded(data, model, times_ms, delay_ms)
    for outcome in messages(emitted, Outcome):
        ours.update(outcome.target, outcome.score)

    assert [scored.score for scored in messages(emitted, Scored)] == predicted
    assert ours.get() == theirs.get()
