"""What was served: the rows of one output topic and partition that this definition has written, in their order."""

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Protocol

from infra.audit.opened import Opened
from infra.audit.rows import Row, own_row
from infra.skew.versions import Written, written, written_before
from schemas.decode import own_decoder
from schemas.ledger import Entry
from schemas.message import Message
from schemas.outcome import Outcome
from schemas.problem import Problem
from schemas.scored import Scored
from streams.runtime.ports import Kafka
from streams.stage import Record

VISIBLE_WITHIN_S = 15.0
"""How much later than the ledger's entry the other records of its transaction may become visible."""

POLL_S = 0.1


class Rows(Protocol):
    """The rows of what a partition has folded, entry by entry of its ledger."""

    def begin(self, entry: Entry) -> None:
        """The first entry there is."""

    def skip(self, entry: Entry) -> int:
        """Pass over what an entry has written, and say how many events that were."""

    def as_it_came(self, record: Record) -> Record:
        """A record as it came to the first stage."""

    def take(self, entry: Entry, records: Sequence[Record]) -> tuple[list[Row], list[Row]]:
        """The scores of these records of an entry, and the outcomes of labels that it has passed on or learnt."""

    def rest(self) -> None:
        """Let go of connections until more is asked for."""


class InOrder:
    """The rows that a stage has written itself, in the order of its entries."""

    def __init__(self, stage: Opened, partition: int) -> None:
        """Raises `Problem` where the first rows have expired."""
        self._stage, self._partition = stage, partition
        self._scored, self._outcomes = (Served(stage, model, partition) for model in (Scored, Outcome))

    def begin(self, entry: Entry) -> None:
        """Pass over the rows of earlier versions."""
        self._take(written_before(self._stage, self._partition), entry.seq)

    def skip(self, entry: Entry) -> int:
        """Pass over what an entry has written."""
        self._take(written(entry), entry.seq)
        return written(entry).scored

    def as_it_came(self, record: Record) -> Record:
        """Itself: there is no stage before this one."""
        return record

    def take(self, entry: Entry, records: Sequence[Record]) -> tuple[list[Row], list[Row]]:  # noqa: ARG002 (the order says it)
        """The next rows of both topics."""
        return self._take(written(entry), entry.seq)

    def rest(self) -> None:
        """Let go of both connections."""
        self._scored.rest()
        self._outcomes.rest()

    def _take(self, rows: Written, seq: int) -> tuple[list[Row], list[Row]]:
        return self._scored.take(rows.scored, seq), self._outcomes.take(rows.outcomes, seq)


class Served:
    """Rows in the order in which they were written. Those of other definitions are passed over."""

    def __init__(self, stage: Opened, model: type[Message], partition: int) -> None:
        self._kafka: Kafka = stage.kafka
        self._topic, self._partition = stage.topics.named(model.TOPIC), partition
        self._decode = own_decoder(model, stage.registry)
        self._ours = f"{stage.pipeline.digest}/"
        self._position, _ = stage.kafka.bounds(self._topic, partition)
        if self._position > 0:
            raise Problem(
                f"{self._topic}/{partition} begins at offset {self._position}: what was served before has expired, so "
                f"it cannot be told which rows belong to which batch; keep the topics that Millrace writes"
            )
        self._rows: Iterator[Row] = iter(())

    def take(self, many: int, seq: int) -> list[Row]:
        """The next `many` rows, which entry `seq` of the ledger says were written.

        Raises `Problem` where they are not there, even after a while.
        """
        rows = list(islice(self._rows, many))
        deadline = time.monotonic() + VISIBLE_WITHIN_S
        while len(rows) < many:
            self._rows = self._read()
            rows += islice(self._rows, many - len(rows))
            if len(rows) < many:
                if time.monotonic() > deadline:
                    raise Problem(
                        f"{self._topic}/{self._partition} lacks {many - len(rows):,} of the {many:,} rows that entry "
                        f"{seq} of the ledger has written: run `millrace verify`"
                    )
                time.sleep(POLL_S)
        return rows

    def rest(self) -> None:
        """Let go of the connection until more is asked for."""
        self._rows = iter(())

    def _read(self) -> Iterator[Row]:
        for run in self._kafka.read(self._topic, self._partition, self._position):
            for record in run.records:
                self._position = record.offset + 1
                row = own_row(self._decode, record.value)
                if row is not None and row["model_id"].startswith(self._ours):
                    yield row
