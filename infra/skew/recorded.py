"""What one partition of the score stage has committed, batch by batch, as its ledger says: in the order of the fold."""

from collections.abc import Iterator, Mapping
from itertools import islice

from infra.audit.opened import Opened
from infra.skew.checker import Batch
from infra.skew.served import InOrder, Rows
from schemas.ledger import Entry
from schemas.problem import Problem
from streams.runtime import recovery
from streams.runtime.codec import decode
from streams.runtime.ledger import check
from streams.runtime.merge import Merge
from streams.stage import Record

ENTRIES = 25
"""Entries that are read at once, each of up to 4,000 records."""


class Recorded:
    """Reads on where it has stopped. `seq` and `head` are those of the last entry that was given.

    Input records are ordered by merging exactly the ranges of each entry, as a recovery does. Where inputs no longer
    reach back to the first batch, it begins with the first one that is all there: `left_out` scores were served before
    that, and batches say which event time had been reached.
    """

    def __init__(self, stage: Opened, partition: int, rows: Rows | None = None) -> None:
        """Raises `Problem` where the ledger is of another definition, or what is needed of the outputs has expired."""
        self._stage, self._partition = stage, partition
        self._rows = rows if rows is not None else InOrder(stage, partition)
        self._lows = {topic: stage.kafka.bounds(topic, partition)[0] for topic in stage.binding.topics}
        self._read_to, self._seen_high = 0, -1
        self._last: Entry | None = None
        self._merge: Merge | None = None
        self._known_from_ms: int | None = None
        self.left_out = 0

    @property
    def seq(self) -> int:
        return -1 if self._last is None else self._last.seq

    @property
    def head(self) -> str:
        return "" if self._last is None else self._last.head

    @property
    def behind(self) -> int:
        """How many offsets the inputs hold by now behind the last entry that was given."""
        ends: Mapping[str, int] = self._last.ends if self._last is not None else self._lows
        return sum(max(0, self._stage.kafka.bounds(topic, self._partition)[1] - end) for topic, end in ends.items())

    def batches(self, until: int | None = None) -> Iterator[Batch]:
        """The next entries, a few dozen, before the offset `until`; none where there are no more for now.

        Raises `Problem` where the chain does not hold, or a row or record is not where it should be.
        """
        entries = [entry for entry in self._entries(until) if not self._left_out(entry)]
        if not entries:
            return
        if self._merge is None:
            self._merge = Merge(self._stage.binding.topics, [entries[0].starts[t] for t in self._stage.binding.topics])
        inputs = recovery.sources(self._stage.kafka, self._partition, entries[0].starts, entries[-1].ends)
        for entry in entries:
            yield self._batch(entry, self._records(entry, inputs))
        self._rows.rest()

    def _entries(self, until: int | None) -> list[Entry]:
        """The next entries of the ledger, the chain checked."""
        stage, topic = self._stage, self._stage.binding.ledger.topic
        _, high = stage.kafka.bounds(topic, self._partition)
        high = high if until is None else min(high, until)
        if high == self._seen_high:
            return []
        entries: list[Entry] = []
        runs = stage.kafka.read(topic, self._partition, self._read_to, high)
        for record in islice((record for run in runs for record in run.records), ENTRIES):
            entry = stage.binding.ledger.entry(record.value)
            check(entry, entries[-1] if entries else self._last, stage.signer)
            self._read_to = record.offset + 1
            entries.append(entry)
        if len(entries) < ENTRIES:
            self._seen_high = high
        if self._last is None and entries:
            self._require_beginning(entries[0])
            self._rows.begin(entries[0])
        return entries

    def _require_beginning(self, entry: Entry) -> None:
        stage = self._stage
        what = f"{stage.binding.group}, partition {self._partition},"
        if entry.seq != 0:
            raise Problem(f"the ledger of {what} begins with entry {entry.seq}: keep the topics that Millrace writes")
        recovery.require_genesis(entry.note or "{}", stage.kafka.describe(stage.binding.topics), stage.binding, what)

    def _left_out(self, entry: Entry) -> bool:
        """Whether records of this entry have expired: what it has written is passed over."""
        if self._merge is not None or all(entry.starts[topic] >= low for topic, low in self._lows.items()):
            return False
        self.left_out += self._rows.skip(entry)
        self._known_from_ms = entry.event_time_ms
        self._last = entry
        return True

    def _records(self, entry: Entry, inputs: Mapping[str, recovery.Source]) -> list[Record]:
        """The records of an entry in the order in which they were folded."""
        assert self._merge is not None
        binding = self._stage.binding
        for topic, source in inputs.items():
            self._merge.deliver(source.until(entry.ends[topic]))
        taken = self._merge.take(entry.records)
        if len(taken) != entry.records:
            raise Problem(f"entry {entry.seq} has {entry.records} records, of which {len(taken)} are there: it was cut")
        return [decode(binding.sources[rank], raw, binding.partitions) for rank, raw in taken]

    def _batch(self, entry: Entry, records: list[Record]) -> Batch:
        self._last = entry
        records = [self._rows.as_it_came(record) for record in records]
        scored, outcomes = self._rows.take(entry, records)
        return Batch(
            seq=entry.seq,
            head=entry.head,
            records=records,
            starts=entry.starts,
            watermark_ms=entry.event_time_ms,
            scored=scored,
            outcomes=outcomes,
            known_from_ms=self._known_from_ms,
        )
