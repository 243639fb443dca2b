"""The one file of the consumers that speaks ClickHouse: column inserts with a token, and what already stands there."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError, DataError, OperationalError

from consumers.metrics import SinkMetrics
from consumers.patience import Away, Patience
from consumers.rows import Row
from consumers.tables import FEATURE_SETS, Table

WINDOW = 10_000
"""Inserts per table whose tokens ClickHouse remembers, as the migrations say."""

TIMEOUT_S = 60
PASSING_CODES = frozenset({159, 202, 203, 209, 210, 236, 241, 242, 243, 252, 319, 394, 425, 439, 692, 745, 999})
"""Time-outs, network, memory, disk, too many parts or queries, read-only for now, cancelled: the same bytes will do."""

SETTINGS = {
    "async_insert": 0,
    "deduplicate_blocks_in_dependent_materialized_views": 1,
    # one insert is one block, so that its token covers all of it
    "max_insert_threads": 1,
    "min_insert_block_size_rows": 1 << 30,
    "min_insert_block_size_bytes": 1 << 40,
}
STANDING = """
SELECT
    maxOrNull(offset) AS highest,
    countIf(offset >= {start:UInt64} AND offset < {end:UInt64}) AS present,
    maxIf(ingested, offset >= {start:UInt64} AND offset < {end:UInt64}) AS at
FROM %s WHERE topic = {topic:String} AND partition = {partition:UInt32}
"""
SINCE = "SELECT uniqExact(topic, partition, ingested) FROM %s WHERE ingested > {at:DateTime64(3, 'UTC')}"
NAMED = """
SELECT count() FROM feature_sets WHERE id = {id:String} AND pipeline = {pipeline:String} AND version = {version:UInt32}
"""


class Refused(Exception):
    """ClickHouse will not take this, however often it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSet:
    """What a feature-set id stands for."""

    id: str
    pipeline: str
    version: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a table holds of one topic partition: its highest offset, rows in a range, inserts since those."""

    highest: int | None
    present: int
    inserts_since: int

    @property
    def token_forgotten(self) -> bool:
        """Whether the range is there and its token may have left the deduplication window since."""
        return self.present > 0 and self.inserts_since > WINDOW // 2


class ClickHouse:
    """One request each; `patiently` repeats one until it is answered.

    Every request may raise `Away` (whether it took place is not known) or `Refused` (for its content). One thread at a
    time.
    """

    def __init__(self, configuration: Mapping[str, Any], *, stop: threading.Event, metrics: SinkMetrics) -> None:
        self._client = clickhouse_connect.get_client(
            **{"send_receive_timeout": TIMEOUT_S, **configuration, "autogenerate_session_id": False}
        )
        self.patiently = Patience(stop=stop, metrics=metrics)

    def insert(self, table: Table, rows: Sequence[Row], token: str) -> None:
        """Insert `rows` once for `token`, however often this is called with the same rows and token."""
        with _told():
            self._client.insert(
                table.name,
                list(zip(*rows, strict=True)),
                column_names=list(table.columns),
                column_type_names=list(table.columns.values()),
                column_oriented=True,
                settings={**SETTINGS, "insert_deduplication_token": token},
            )

    def standing(self, table: Table, topic: str, partition: int, positions: tuple[int, int]) -> Standing:
        """What `table` holds of a topic partition; `positions` is the range `[start, end)` that is looked for."""
        names = {"topic": topic, "partition": partition, "start": positions[0], "end": positions[1]}
        highest, present, at = self._select(STANDING % table.name, names)
        since = self._select(SINCE % table.name, {"at": at})[0] if present else 0
        return Standing(highest=highest, present=present, inserts_since=since)

    def name_features(self, one: FeatureSet) -> None:
        """Record what a feature-set id stands for, unless it is told already. Patient."""
        named = {"id": one.id, "pipeline": one.pipeline, "version": one.version}
        if self.patiently(lambda: self._select(NAMED, named))[0] == 0:
            row = (*named.values(), list(one.names))
            self.patiently(lambda: self.insert(FEATURE_SETS, [row], f"{one.id} {one.pipeline} {one.version}"))

    def close(self) -> None:
        self._client.close()

    def _select(self, query: str, parameters: Mapping[str, Any]) -> Sequence[Any]:
        with _told():
            row: Sequence[Any] = self._client.query(query, parameters=dict(parameters)).result_rows[0]
        return row


@contextmanager
def _told() -> Iterator[None]:
    """What the client raises, as `Away` or `Refused`."""
    try:
        yield
    except (DatabaseError, OverflowError, TypeError, ValueError) as error:
        raise (Away if passing(error) else Refused)(str(error)) from error


def passing(error: Exception) -> bool:
    """Whether the same request may succeed later: the server is away, or says that it is short of something."""
    if isinstance(error, DataError) or not isinstance(error, DatabaseError):
        return False
    return isinstance(error, OperationalError) or error.code is None or error.code in PASSING_CODES
