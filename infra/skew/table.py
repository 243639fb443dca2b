"""The table `feature_skew`: what is written into it, and what stands there of one partition."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clickhouse_connect.driver.client import Client

from consumers.tables import NAME, TIME, Table
from infra.skew.tally import Example, Tally, finite

MAYBE = "Nullable(Float64)"
SKEW = Table(
    "feature_skew",
    {
        "pipeline": NAME,
        "version": "UInt32",
        "partition": "UInt32",
        "feature": NAME,
        "hour": TIME,
        "checked": "UInt64",
        "unequal": "UInt64",
        "unjudged": "UInt64",
        "event_id": "String",
        "served": MAYBE,
        "recomputed": MAYBE,
        "source_offset": "UInt64",
        "seq": "UInt64",
        "head": "String",
    },
)
STANDING = """
SELECT feature, toUnixTimestamp64Milli(hour), checked, unequal, unjudged, event_id, served, recomputed, source_offset
FROM feature_skew FINAL
WHERE pipeline = {pipeline:String} AND version = {version:UInt32} AND partition = {partition:UInt32}
    AND feature NOT IN {others:Array(String)}
"""
UP_TO = """
SELECT seq, head FROM feature_skew
WHERE pipeline = {pipeline:String} AND version = {version:UInt32} AND partition = {partition:UInt32}
    AND feature NOT IN {others:Array(String)}
ORDER BY seq DESC LIMIT 1
"""

Cell = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whose:
    """Which partition of which pipeline; its name with the prefix of its topics."""

    pipeline: str
    version: int
    partition: int

    @property
    def names(self) -> dict[str, str | int]:
        return {"pipeline": self.pipeline, "version": self.version, "partition": self.partition}


@dataclass(frozen=True, slots=True)
class Mark:
    """An entry of the ledger, up to which everything is counted."""

    seq: int
    head: str


def rows(whose: Whose, tally: Tally, mark: Mark) -> Iterator[tuple[Cell, ...]]:
    """A row for each feature of the hours that have changed: all that is known of that hour at `mark`."""
    for hour_ms in tally.changed:
        for name, count in zip(tally.names, tally.hours[hour_ms], strict=True):
            worst = count.worst
            example = (worst.event_id, worst.served, finite(worst.recomputed), worst.offset) if worst else _NO_EXAMPLE
            counts = count.checked, count.unequal, count.unjudged
            yield (*whose.names.values(), name, hour_ms, *counts, *example, mark.seq, mark.head)


_NO_EXAMPLE: tuple[Cell, ...] = ("", None, None, 0)


class Unknown(Exception):
    """The table has counts of a feature that is not in the definition."""


def standing(client: Client, whose: Whose, tally: Tally, known: Sequence[str]) -> Mark | None:
    """Put into `tally` what the table has of a partition; up to where that is counted, None where there is nothing.

    Of the `known` features of the definition those that `tally` has not are another stage's. Raises `Unknown` where the
    table has a feature that the definition has not.
    """
    asked = {**whose.names, "others": [name for name in known if name not in tally.names]}
    marks = client.query(UP_TO, parameters=asked).result_rows
    if not marks:
        return None
    for name, hour_ms, checked, unequal, unjudged, *example in client.query(STANDING, parameters=asked).result_rows:
        if name not in tally.names:
            raise Unknown(name)
        count = tally.of(hour_ms)[tally.names.index(name)]
        count.checked, count.unequal, count.unjudged = checked, unequal, unjudged
        event_id, served, recomputed, offset = example
        count.worst = Example(event_id, served, recomputed, whose.partition, offset) if event_id else None
    return Mark(*marks[0])
