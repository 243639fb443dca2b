"""How a batch comes to stand in its tables once: what is looked at before, and when a repeat is left out."""

import time
from collections.abc import Callable, Sequence
from functools import partial

from consumers.buffer import Batch
from consumers.clickhouse import ClickHouse, Refused
from consumers.metrics import SinkMetrics
from consumers.rows import Row
from consumers.tables import Table
from schemas.problem import Problem

FRESH_S = 30.0
"""An insert that begins later than this after its intent may be a sleeper's: others may have gone on since."""

Held = Callable[[], bool]
"""Whether the batch's partition is still this member's, as far as it has been told."""


class Inserter:
    """Checks and inserts batches, patiently. Raises `Problem` by name where that cannot be right; and `Stopped`."""

    def __init__(self, clickhouse: ClickHouse, tables: dict[str, Table], metrics: SinkMetrics) -> None:
        self._clickhouse = clickhouse
        self._tables = tables
        self._metrics = metrics

    def check(self, batch: Batch, held: Held) -> None:
        """Before a partition's first intent: see that the tables and the committed offset can both be right."""
        own = self._tables[batch.topic]
        tables = {own.name: own, **{table.name: table for table, _ in batch.rows.values()}}
        for table in tables.values() if batch.first else ():
            self._patiently(batch, partial(self._check, batch, table, held))

    def insert(self, batch: Batch, held: Held) -> None:
        """Insert what is not there yet, each table's rows under the batch's token."""
        for table, rows in batch.rows.values():
            with self._metrics.insert_seconds(table.name).time():
                self._patiently(batch, partial(self._insert, batch, table, rows, held))

    def _patiently(self, batch: Batch, work: Callable[[], None]) -> None:
        try:
            self._clickhouse.patiently(work)
        except Refused as refused:
            raise Problem(
                f"ClickHouse refuses the records of {batch.where} ({refused}): they stay in Kafka; mend the table, "
                "or the rights of its user, and start again"
            ) from refused

    def _check(self, batch: Batch, table: Table, held: Held) -> None:
        if not held():
            return
        start, end = batch.intent.start, batch.intent.end
        standing = self._clickhouse.standing(table, batch.topic, batch.partition, (start, end))
        limit = end if batch.resumed else start
        if standing.highest is not None and standing.highest >= limit:
            raise Problem(
                f"table {table.name} has rows of {batch.topic}[{batch.partition}] up to offset {standing.highest}, but "
                f"the sink's group stands at {start}: rows would be doubled. If its offsets were lost, set this one "
                f"to {standing.highest + 1}; if the topic was made anew, drop its rows "
                f"(ALTER TABLE {table.name} DROP PARTITION '{batch.topic}')"
            )

    def _insert(self, batch: Batch, table: Table, rows: Sequence[Row], held: Held) -> None:
        """One attempt; none where the partition has moved: its next owner finds the intent."""
        if held() and not self._remains(batch, table):
            self._clickhouse.insert(table, rows, batch.intent.token)
            self._metrics.inserts(table.name).inc()
            self._metrics.rows(table.name).inc(len(rows))

    def _remains(self, batch: Batch, table: Table) -> bool:
        """Whether the rows stand there under a token that ClickHouse may not know any more."""
        # the wall clock, because it goes on while a machine sleeps
        if not batch.resumed and time.time() - batch.taken_s < FRESH_S:
            return False
        positions = (batch.intent.start, batch.intent.end)
        return self._clickhouse.standing(table, batch.topic, batch.partition, positions).token_forgotten
