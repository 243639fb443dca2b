"""Goes through what one partition has folded, batch by batch, and holds each served vector against its definition."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from infra.skew.naive import Memory, Naive, Value
from infra.skew.tally import Tally
from schemas.problem import Problem
from schemas.reject import Reject
from streams.feature import Feature
from streams.instant import instant_ms
from streams.join import Truth
from streams.labelled import Labelled
from streams.passing import PassedLabel
from streams.pipeline import Pipeline
from streams.stage import Record, Role

Row = Mapping[str, Any]
R = TypeVar("R", bound=Row)
Place = tuple[str, int, int]
"""Topic, partition and offset."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One entry of the ledger: the input records in the order of the fold, and the rows that it has written of them.

    - The order, and the watermark at the end, are those of the ledger.
    - `scored` says which events were served, and with which vector: what is not there was rejected, late or repeated,
      and no window holds it.
    - `outcomes` says which label has met which event. It counts from the later of the two on. A label that is not there
      was repeated, is past the horizon, still waits for its event, or contradicts the first one: it takes the place of
      that one, where the definition says so.
    - `known_from_ms`: events up to this time may have been folded before the first batch there is; None: none were.
    """

    seq: int
    head: str
    records: Sequence[Record]
    starts: Mapping[str, int]
    watermark_ms: int
    scored: Sequence[Row]
    outcomes: Sequence[Row]
    known_from_ms: int | None = None


class Checker:
    """One partition. `tally` has what came of it, for all features or those of one stage."""

    def __init__(self, pipeline: Pipeline, features: Sequence[Feature] | None = None) -> None:
        self._pipeline = pipeline
        judged = pipeline.features if features is None else features
        horizon_ms = pipeline.labels.horizon_ms if pipeline.labels is not None else 0
        memory = Memory(labelled_ms=horizon_ms, remembered_ms=pipeline.remember_ms)
        self._naive = Naive(judged, pipeline.lateness_ms, memory)
        self._labelled = Labelled(pipeline) if pipeline.revised else None
        self.tally = Tally([name for feature in judged for name in feature.names])
        self._places = [pipeline.feature_names.index(name) for name in self.tally.names]

    def take(self, batch: Batch, *, judging: bool = True) -> None:
        """The next batch; where it was judged before, only what later windows need is kept of it.

        Raises `Problem` where the rows are not those of these records.
        """
        self._naive.known_from_ms = batch.known_from_ms
        served, told = by_source(batch.scored), by_source(batch.outcomes)
        held = {row["event_id"]: row for place, row in told.items() if _came_before(place, batch)}
        coming = {row["event_id"] for row in batch.scored}
        for record in batch.records:
            place = record.topic, record.partition, record.offset
            if record.role is Role.EVENTS:
                row = served.pop(place, None)
                self._event(record, row, batch, judging=judging)
                if row is None:
                    continue
                coming.discard(row["event_id"])
                met = held.pop(row["event_id"], None) or told.get(place)
            else:
                met = told.get(place)
                if met is None:
                    self._revise(record)
                elif met["event_id"] in coming:
                    held[met["event_id"]] = met
                    continue
            if met is not None:
                self._naive.label(met["event_id"], positive=met["target"] == 1.0)
        if served:
            raise strays(batch.seq, next(iter(served.values())))

    def _revise(self, record: Record) -> None:
        """A label that has met no event may take the place of one that has."""
        if self._labelled is None:
            return
        with suppress(Reject):  # what nobody can read revises nothing
            event_id, truth = _said(record, self._labelled)
            self._naive.revise(event_id, truth.time_ms, positive=truth.value)

    def _event(self, record: Record, row: Row | None, batch: Batch, *, judging: bool) -> None:
        pipeline, event = self._pipeline, record.value
        if isinstance(event, Reject):
            if row is not None and judging:
                self._not_decoded(row, record)
            return
        if row is None:
            self._passed(record, batch)
            return
        time_ms = instant_ms(getattr(event, pipeline.time))
        event_id = str(getattr(event, pipeline.id))
        seen = self._naive.add(event, event_id, time_ms)
        if judging:
            features = row["features"]
            known = dict(zip(pipeline.feature_names, features, strict=True))
            values = self._naive.vector(event, seen, known)
            at = time_ms, record.partition, record.offset
            self.tally.judge(event_id, at, [features[place] for place in self._places], values)

    def _passed(self, record: Record, batch: Batch) -> None:
        """It was not scored, but has moved event time on, unless its own was too far ahead; no further than it came."""
        with suppress(Reject):  # a time that is none
            time_ms = instant_ms(getattr(record.value, self._pipeline.time))
            if time_ms <= record.timestamp_ms + self._pipeline.ahead_ms:
                self._naive.watermark(min(time_ms, batch.watermark_ms))

    def _not_decoded(self, row: Row, record: Record) -> None:
        """It was served, though nobody can read it: no feature has a value."""
        values = [Value(None, sure=True)] * len(self.tally.names)
        at = row["event_time_ms"], record.partition, record.offset
        self.tally.judge(row["event_id"], at, [row["features"][place] for place in self._places], values)


def _said(record: Record, labelled: Labelled) -> tuple[str, Truth]:
    """What a label says, of which event. Raises `Reject` where it says nothing."""
    value: Any = record.value
    if isinstance(value, Reject):
        raise value
    if isinstance(value, PassedLabel):
        return value.facts.id, value.truth
    return labelled.of_label(record)


def by_source(rows: Iterable[R]) -> dict[Place, R]:
    """Rows by where the event or label stood that they are of."""
    return {(row["source_topic"], row["source_partition"], row["source_offset"]): row for row in rows}


def strays(seq: int, row: Row) -> Problem:
    """What to say of a row that belongs to none of the records of its batch."""
    return Problem(
        f"event {row['event_id']} was scored from {row['source_topic']}/{row['source_partition']}@"
        f"{row['source_offset']}, which entry {seq} of the ledger has not folded: run `millrace verify`; or another "
        f"version of the very same definition writes to the same topics, and the two cannot be told apart"
    )


def _came_before(place: Place, batch: Batch) -> bool:
    """Whether a label was folded in an earlier batch, and has waited for its event."""
    topic, _, offset = place
    return offset < batch.starts.get(topic, 0)
