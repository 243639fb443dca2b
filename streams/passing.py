"""An event or a label between two stages: in memory, and as the message that carries it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from schemas.passed import Passed
from streams.facts import Facts
from streams.features import Features
from streams.join import Truth
from streams.keyed_groups import Read
from streams.stage import Role


class Origin(NamedTuple):
    """Where a record stood before any stage had read it, and its bytes."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None


NOWHERE = Origin("", 0, 0, None, None)
"""Of an event that is only asked about."""


class PassedEvent(NamedTuple):
    """An accepted event, what was read of it, and what windows have found so far, stage after stage."""

    facts: Facts
    read: Read
    found: list[float]
    origin: Origin

    @property
    def role(self) -> Role:
        return Role.EVENTS


class PassedLabel(NamedTuple):
    """The label of an event that was passed on before, which is `outside` these groups of windows.

    It may be one that `revises` another.
    """

    facts: Facts
    truth: Truth
    outside: Sequence[int]
    revises: bool = False

    @property
    def role(self) -> Role:
        return Role.LABELS


class Passing:
    """Writes and reads what is passed on of events with these `features`."""

    def __init__(self, features: Features) -> None:
        self._marked = [place for place, kept in enumerate(features.kept) if kept.marked]

    def event(self, passed: PassedEvent) -> Passed:
        """The message that carries an event."""
        facts, read, found, origin = passed
        values, marks = self._apart(read.values)
        return Passed.trusted(
            role="events",
            event_id=facts.id,
            keys=[*facts.keys],
            event_time_ms=facts.time_ms,
            source_topic=origin.topic,
            source_partition=origin.partition,
            source_offset=origin.offset,
            plain=read.plain,
            values=values,
            marks=marks,
            outside=read.outside,
            found=found,
            key=origin.key,
            value=origin.value,
            label=None,
            label_time_ms=None,
            revises=False,
        )

    def label(self, passed: PassedLabel) -> Passed:
        """The message that carries a label."""
        facts, truth, outside, revises = passed
        return Passed.trusted(
            role="labels",
            event_id=facts.id,
            keys=[*facts.keys],
            event_time_ms=facts.time_ms,
            source_topic=truth.topic,
            source_partition=truth.partition,
            source_offset=truth.offset,
            plain=[],
            values=[],
            marks=[],
            outside=outside,
            found=[],
            key=None,
            value=None,
            label=msgspec.json.encode(truth.value).decode(),
            label_time_ms=truth.time_ms,
            revises=revises,
        )

    def read(self, row: Mapping[str, Any]) -> PassedEvent | PassedLabel:
        """What the fields of a message say."""
        facts = Facts(row["event_id"], tuple(row["keys"]), row["event_time_ms"])
        source = row["source_topic"], row["source_partition"], row["source_offset"]
        if row["role"] == Role.LABELS:
            truth = Truth(msgspec.json.decode(row["label"]), row["label_time_ms"], *source)
            return PassedLabel(facts, truth, row["outside"], row["revises"])
        values = row["values"]
        for place, mark in zip(self._marked, row["marks"], strict=True):
            values[place] = mark
        read = Read(row["plain"], values, row["outside"])
        return PassedEvent(facts, read, row["found"], Origin(*source, row["key"], row["value"]))

    def _apart(self, values: Sequence[float]) -> tuple[Sequence[float], list[int]]:
        """Numbers, and the marks among them, which no float holds."""
        if not self._marked:
            return values, []
        numbers = [*values]
        for place in self._marked:
            numbers[place] = 0.0
        return numbers, [int(values[place]) for place in self._marked]
