"""Through Kafka or not: every prediction is the one that River's own prequential loop makes."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel
from river import datasets, evaluate, metrics

from infra.feed import feed
from infra.settings import Settings
from producers.known import Kind, Known, strictly
from schemas.scored import Scored
from streams.load import load
from streams.pipeline import Pipeline
from tests.integration.harness import PIPELINES, decoded, wait_folded, worker

pytestmark = pytest.mark.servers

START = datetime(2026, 1, 1, tzinfo=UTC)
MODELS = ("logistic", "bayes", "tree")


class Data(NamedTuple):
    """One of River's data sets and the fields that hold it."""

    dataset: Any
    fields: Sequence[str]
    file: str


DATA = [
    Data(datasets.Phishing(), (), "phishing.py"),
    Data(datasets.Bananas(), ("x", "y"), "bananas.py"),  # type: ignore[no-untyped-call]  # River
]


def records(pipeline: Pipeline, data: Data, apart: timedelta) -> Iterator[Known]:
    """Every row as an event and, at the same instant, its label."""
    labels = pipeline.labels
    assert labels is not None
    assert labels.event is not None
    assert labels.id is not None
    assert labels.time is not None
    for number, (x, y) in enumerate(data.dataset):
        at = START + number * apart
        values = dict(zip(data.fields or x, x.values(), strict=True))
        known_as = str(number) if pipeline.event.model_fields[pipeline.id].annotation is str else number
        event: BaseModel = pipeline.event(**{pipeline.id: known_as, pipeline.time: at, **values})
        label: BaseModel = labels.event(**{labels.id: known_as, labels.field: y, labels.time: at})
        time_ms = int(at.timestamp() * 1000)
        yield Known(time_ms, Kind.EVENT, event)
        yield Known(time_ms, Kind.LABEL, label)


@pytest.mark.parametrize("data", DATA, ids=lambda data: data.file.removesuffix(".py"))
@pytest.mark.parametrize("apart", [timedelta(seconds=1), timedelta(0)], ids=["in turn", "at one instant"])
def test_a_stream_predicts_what_rivers_own_loop_predicts(
    settings: Settings, tmp_path: Path, data: Data, apart: timedelta
) -> None:
    targets = {name: f"{PIPELINES / data.file}:{name}" for name in MODELS}
    pipelines = {name: load(target) for name, target in targets.items()}
    for pipeline in pipelines.values():
        known = records(pipeline, data, apart)
        feed(pipeline, strictly(known) if apart else known, settings)
    with ExitStack() as running:
        workers = {name: running.enter_context(worker(settings, targets[name], tmp_path)) for name in MODELS}
        for name, pipeline in pipelines.items():
            wait_folded(settings, pipeline, workers[name])

    for pipeline in pipelines.values():
        check(pipeline, data, decoded(settings, pipeline.topics(settings.topic_prefix).scored, Scored))


def check(pipeline: Pipeline, data: Data, scored: list[dict[str, Any]]) -> None:
    """Compare with River, one prediction after the other; what River leaves out for want of a model, the prior says."""
    rows = list(data.dataset)
    matrix, ours = metrics.ConfusionMatrix(), metrics.ConfusionMatrix()  # type: ignore[no-untyped-call]  # River
    classes = rivers(data, pipeline, matrix)
    shares = rivers(data, pipeline, metrics.LogLoss())  # type: ignore[no-untyped-call]  # River
    answered = [row for row in scored if row["rung"] == "champion"]
    for row in answered:
        ours.update(rows[int(row["event_id"])][1], row["predicted"] == "true")  # type: ignore[no-untyped-call]  # River

    assert [row["event_id"] for row in scored] == [str(number) for number in range(len(rows))]
    assert [row["score"] for row in answered] == [share.get(True, 0.0) for share in shares if share]
    assert [row["predicted"] == "true" for row in answered] == [said for said in classes if said is not None]
    assert ours.data == matrix.data


def rivers(data: Data, pipeline: Pipeline, metric: Any) -> list[Any]:
    """What River's own loop predicts for each row: classes or probabilities, as the metric wants them."""
    steps = evaluate.iter_progressive_val_score(data.dataset, pipeline.model(), metric, step=1, yield_predictions=True)
    return [step["Prediction"] for step in steps]
