"""What stands in ClickHouse about one pipeline, asked with the demo's queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

import clickhouse_connect
from clickhouse_connect.driver.exceptions import ClickHouseError

from infra.demo import queries
from infra.settings import Settings, clickhouse
from schemas.problem import Problem


class Found(NamedTuple):
    """An alert. `time_ms` is event time."""

    time_ms: int
    monitor: str
    subject: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Of all scores that have met their label; None where a figure is not defined yet."""

    labelled: int
    positives: int
    accuracy: float | None
    roc_auc: float | None
    average_precision: float | None


class Answer(NamedTuple):
    """Column names and rows of any query."""

    names: Sequence[str]
    rows: Sequence[Sequence[Any]]


class Store:
    """One connection. `pipeline` is its name with the topic prefix. Raises `Problem` where ClickHouse refuses."""

    def __init__(self, settings: Settings, pipeline: str) -> None:
        self.pipeline = pipeline
        self._client = clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._client.close()

    def ask(self, query: str, **parameters: str) -> Answer:
        """Run a query as it is."""
        try:
            result = self._client.query(query, parameters={"pipeline": self.pipeline, **parameters})
        except ClickHouseError as failed:
            raise Problem(f"ClickHouse does not answer the demo's query ({failed}): see its log") from failed
        return Answer(result.column_names, result.result_rows)

    def rows(self) -> dict[str, int]:
        """Table -> rows of this pipeline."""
        found = {str(name): int(count) for name, count in self.ask(queries.ROWS).rows}
        return {table: found.get(table, 0) for table in queries.TABLES}

    def unique(self) -> dict[str, tuple[int, int]]:
        """Table -> rows and different Kafka positions: equal where each record was written exactly once."""
        answers = {table: self.ask(queries.UNIQUE, table=table).rows[0] for table in queries.TABLES}
        return {table: (int(rows), int(positions)) for table, (rows, positions) in answers.items()}

    def quality(self) -> Quality:
        """Over everything labelled so far."""
        labelled, positives, accuracy, roc_auc, average_precision = self.ask(queries.QUALITY).rows[0]
        return Quality(
            labelled=labelled,
            positives=positives,
            accuracy=_figure(accuracy),
            roc_auc=_figure(roc_auc),
            average_precision=_figure(average_precision),
        )

    def alerts(self) -> list[Found]:
        """In order of event time."""
        return [Found(*row) for row in self.ask(queries.ALERTS).rows]

    def predicted(self) -> dict[str, tuple[str, str]]:
        """Event id -> predicted class and label, where a class was predicted."""
        return {event_id: (predicted, label) for event_id, predicted, label in self.ask(queries.PREDICTED).rows}


def _figure(value: float | None) -> float | None:
    return None if value is None or value != value else float(value)
