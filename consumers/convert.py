"""From a record on one of a pipeline's output topics to a row of one table."""

from collections.abc import Callable, Sequence

from consumers import rows
from consumers.ledger import LEDGER, entry
from consumers.metrics import SinkMetrics
from consumers.rows import Position, Raw, Row
from consumers.tables import REJECTED, Table
from schemas import reject
from schemas.decode import Decode, own_decoder
from schemas.ledger import Entry
from schemas.registry import Registry
from schemas.reject import Reject
from schemas.topics import Topics

Convert = Callable[[Position, Raw], tuple[Table, Row]]


def converters(topics: Topics, ledgers: Sequence[str], registry: Registry, metrics: SinkMetrics) -> dict[str, Convert]:
    """Output topic, or topic of a ledger -> what makes a table and a row of its records.

    A record that is none of our messages becomes a row of `rejected`, so that nothing is lost and nothing stops.
    """
    found: dict[str, Convert] = {
        topics.named(model.TOPIC): _reader(own_decoder(model, registry), table, row, metrics)
        for model, (table, row) in rows.MESSAGES.items()
    }
    entries = _reader(own_decoder(Entry, registry), LEDGER, entry, metrics)
    found |= dict.fromkeys(ledgers, entries)
    found[topics.named(reject.TOPIC)] = lambda at, raw: (REJECTED, rows.rejected(at, raw))
    return found


def tables(topics: Topics, ledgers: Sequence[str]) -> dict[str, Table]:
    """Output topic, or topic of a ledger -> the table of its records."""
    found = {topics.named(model.TOPIC): table for model, (table, _) in rows.MESSAGES.items()}
    return {**found, **dict.fromkeys(ledgers, LEDGER), topics.named(reject.TOPIC): REJECTED}


def _reader(decode: Decode, table: Table, row: Callable[[Position, rows.Fields], Row], metrics: SinkMetrics) -> Convert:
    def convert(at: Position, raw: Raw) -> tuple[Table, Row]:
        try:
            return table, row(at, decode(raw.value))
        except Reject as why:
            metrics.unreadable(at.topic).inc()
            return REJECTED, rows.unreadable(at, raw, why)

    return convert
