"""From a record on one of a pipeline's output topics to a row of one table."""

from collections.abc import Callable

from consumers import rows
from consumers.metrics import SinkMetrics
from consumers.rows import Position, Raw, Row, Table
from schemas import reject
from schemas.decode import Decode, own_decoder
from schemas.registry import Registry
from schemas.reject import Reject
from schemas.topics import Topics

Convert = Callable[[Position, Raw], tuple[Table, Row]]


def converters(topics: Topics, registry: Registry, metrics: SinkMetrics) -> dict[str, Convert]:
    """Output topic -> what makes a table and a row of its records.

    A record that is none of our messages becomes a row of `rejected`, so that nothing is lost and nothing stops.
    """
    found: dict[str, Convert] = {
        topics.named(model.TOPIC): _reader(own_decoder(model, registry), table, row, metrics)
        for model, (table, row) in rows.MESSAGES.items()
    }
    found[topics.named(reject.TOPIC)] = lambda at, raw: (rows.REJECTED, rows.rejected(at, raw))
    return found


def tables(topics: Topics) -> dict[str, Table]:
    """Output topic -> the table of its records."""
    found = {topics.named(model.TOPIC): table for model, (table, _) in rows.MESSAGES.items()}
    return {**found, topics.named(reject.TOPIC): rows.REJECTED}


def _reader(decode: Decode, table: Table, row: Callable[[Position, rows.Fields], Row], metrics: SinkMetrics) -> Convert:
    def convert(at: Position, raw: Raw) -> tuple[Table, Row]:
        try:
            return table, row(at, decode(raw.value))
        except Reject as why:
            metrics.unreadable.labels(at.topic).inc()
            return rows.REJECTED, rows.unreadable(at, raw, why)

    return convert
