"""What came of events and labels that go through several stages, found by where they stood at first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from infra.audit.opened import Opened
from infra.audit.rows import Row, own_row
from infra.skew.checker import Place, by_source
from schemas.decode import own_decoder
from schemas.ledger import Entry
from schemas.message import Message
from schemas.outcome import Outcome
from schemas.problem import Problem
from schemas.scored import Scored
from streams.passing import PassedEvent, PassedLabel
from streams.runtime.bind import score_sources
from streams.stage import Record, Role

OUTPUTS: tuple[type[Message], ...] = (Scored, Outcome)


class Everywhere:
    """All that was scored and learnt, whichever partition has written it, as far as it was `read`.

    Raises `Problem` where other versions have written to the same topics, or some of it has expired.
    """

    def __init__(self, last: Opened) -> None:
        if not last.alone:
            raise Problem(f"another version of {last.pipeline.name} has written to its topics: check it by itself")
        self._last = last
        self.remembered_ms = last.pipeline.remember_ms
        self.labelled = last.pipeline.labels is not None
        self._rows, self._older = _none(), _none()
        self._decode = {model.TOPIC: own_decoder(model, last.registry) for model in OUTPUTS}
        self._decode_event = score_sources(last.pipeline, last.topics, last.registry)[-1].decode
        self._ends: dict[tuple[str, int], int] = {}
        self.found: Counter[tuple[str, int]] = Counter()
        for name in self._rows:
            for partition in range(last.binding.partitions):
                self._ends[name, partition] = low = last.kafka.bounds(last.topics.named(name), partition)[0]
                if low > 0:
                    topic = last.topics.named(name)
                    raise Problem(f"{topic}/{partition} begins at offset {low}: keep the topics that Millrace writes")

    def read(self) -> None:
        """Read on to where the topics end now. `found` counts the rows of this definition, by topic and partition."""
        ours = f"{self._last.pipeline.digest}/"
        for (name, partition), end in self._ends.items():
            rows, decode = self._rows[name], self._decode[name]
            for run in self._last.kafka.read(self._last.topics.named(name), partition, end):
                decoded = [own_row(decode, record.value) for record in run.records]
                found = [row for row in decoded if row is not None and row["model_id"].startswith(ours)]
                rows |= by_source(found)
                self.found[name, partition] += len(found)
                self._ends[name, partition] = run.end

    def forget(self) -> None:
        """Forget the rows that were there when this was called the last time."""
        self._rows, self._older = _none(), self._rows

    def row(self, model: type[Message], place: Place) -> Row | None:
        """The row of the event or label that stood there; None where there is none."""
        return self._rows[model.TOPIC].get(place) or self._older[model.TOPIC].get(place)

    def event(self, raw: bytes | None) -> Any:
        """An event as the first stage decodes it."""
        return self._decode_event(raw)


def _none() -> Mapping[str, dict[Place, Row]]:
    return {model.TOPIC: {} for model in OUTPUTS}


class Seen:
    """The rows of what one partition of one stage has folded; `Rows` of `Recorded`."""

    def __init__(self, everywhere: Everywhere) -> None:
        self._everywhere = everywhere
        self._came: dict[str, int] = {}  # without their label: when they happened
        self._waiting: dict[str, Row] = {}

    def begin(self, entry: Entry) -> None:
        """There are no rows to be passed over."""

    def skip(self, entry: Entry) -> int:
        raise Problem(
            f"records of entry {entry.seq} of {entry.stage}, partition {entry.partition}, have expired: the features "
            f"of several stages can only be checked where all that they have read is there"
        )

    def as_it_came(self, record: Record) -> Record:
        """The event or label as the first stage has read it."""
        value: Any = record.value
        if isinstance(value, PassedEvent):
            topic, partition, offset, key, raw = value.origin
            event = self._everywhere.event(raw)
            return Record(Role.EVENTS, topic, partition, offset, record.timestamp_ms, key, event)
        if isinstance(value, PassedLabel):
            truth = value.truth
            place = truth.topic, truth.partition, truth.offset
            return Record(Role.LABELS, *place, record.timestamp_ms, record.key, value)
        return record

    def take(self, entry: Entry, records: Sequence[Record]) -> tuple[list[Row], list[Row]]:
        """The rows of these records; a label counts from when both it and its event have come."""
        scored: list[Row] = []
        outcomes: list[Row] = []
        for record in records:
            place: Place = record.topic, record.partition, record.offset
            if record.role is Role.EVENTS:
                row = self._everywhere.row(Scored, place)
                if row is not None:
                    scored.append(row)
                    met = self._waiting.pop(row["event_id"], None)
                    if met is not None:
                        outcomes.append(met)
                    elif self._everywhere.labelled:
                        self._came[row["event_id"]] = row["event_time_ms"]
            elif (row := self._everywhere.row(Outcome, place)) is not None:
                if row["event_id"] in self._came:
                    del self._came[row["event_id"]]
                    outcomes.append(row)
                else:
                    self._waiting[row["event_id"]] = row
        self._forget(entry.event_time_ms - self._everywhere.remembered_ms)
        return scored, outcomes

    def _forget(self, before_ms: int) -> None:
        """A label finds no event any more that is remembered no longer."""
        for event_id in list(takewhile(lambda event_id: self._came[event_id] < before_ms, self._came)):
            del self._came[event_id]

    def rest(self) -> None:
        """Nothing is open."""
