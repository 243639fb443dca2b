"""What is watched: the pipeline's names and terms, which every statement about it carries."""

from dataclasses import dataclass
from typing import Any, Literal

from schemas.alert import Alert
from schemas.metric import Metric
from streams.stage import Output, Record

Task = Literal["binary", "multiclass", "regression", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A pipeline as its monitor knows it.

    `digest`: that of its definition, with which the model ids begin that are its own.
    `horizon_ms`: how long after its event a label counts. `longest_ms`: the longest window of its features.
    """

    pipeline: str
    version: int
    task: Task
    feature_names: tuple[str, ...]
    digest: str
    horizon_ms: int
    longest_ms: int

    def metric(self, record: Record, **fields: Any) -> Output:
        """A metric found at `record`, keyed by its subject. `fields` are what is left to say."""
        metric = Metric.trusted(pipeline=self.pipeline, version=self.version, partition=record.partition, **fields)
        return Output(metric.subject.encode(), metric, record.timestamp_ms)

    def alert(self, record: Record, **fields: Any) -> Output:
        """An alert raised at `record`, keyed by its subject. `fields` are what is left to say."""
        alert = Alert.trusted(pipeline=self.pipeline, version=self.version, partition=record.partition, **fields)
        return Output(alert.subject.encode(), alert, record.timestamp_ms)
