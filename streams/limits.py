"""When a partition stops by name: too many rejects in a row or in all, or more to remember than memory is for."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from schemas.problem import Problem
from schemas.reject import Reject
from streams.stage import Emitted, Record, Refused


class Tally(NamedTuple):
    """What limits remember of one input: three whole numbers. `records` and `rejects` are those of the block so far."""

    in_a_row: int = 0
    records: int = 0
    rejects: int = 0


Tallies = dict[str, Tally]
"""By topic: labels that all break are not hidden by the events between them. Part of a task's state: one that is kept
makes a partition stop at the same record however often it is started; one that is lost gives each start a new run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many records of one input of a partition may be rejected, and how many events remembered, before it stops.

    - `rejects_in_a_row`: as many consecutive rejects stop it; the default is a broken deployment, not bad luck.
    - `reject_ratio`, `over`: so does a larger share of rejects than this in a block of `over` records, counted from the
      first: 10,000 and 10,000 and so on. 1.0: no share does.
    - `remembered`: events that wait for their label and ids that are kept to spot duplicates, at most. One that waits
      takes about 160 bytes and 8 per feature, an id 31. As many labels may wait for their event, of 400 bytes each.

    Which record stops a partition depends on the order of records alone, not on how they were batched. Nothing of the
    batch that holds it is committed: neither its rejects nor its offsets. So after a mend all of it is read again, and
    scored. At most `rejects_in_a_row - 1` records of the run, in batches before, are in `rejected` by then; they come
    back with `millrace rejected replay`. Limits do not change what a record gives and are no part of the digest: they
    may be raised without a new version.

    Raises `Problem` where a limit could never or always be met.

    >>> limits = Limits(rejects_in_a_row=2)
    >>> limits.met(limits.rejected(limits.rejected(Tally())))
    'in a row'
    """

    rejects_in_a_row: int = 1_000
    reject_ratio: float = 0.5
    over: int = 10_000
    remembered: int = 5_000_000

    def __post_init__(self) -> None:
        for name in ("rejects_in_a_row", "over", "remembered"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 1:
                raise Problem(f"Limits({name}={getattr(self, name)!r}): write a whole number of records, 1 or more")
        if not isinstance(self.reject_ratio, int | float) or not 0.0 <= self.reject_ratio <= 1.0:
            raise Problem(f"Limits(reject_ratio={self.reject_ratio!r}): write a share between 0 and 1, as in 0.5")

    def count(self, tallies: Tallies, records: Sequence[Record], emitted: Sequence[Emitted]) -> str | None:
        """Advance `tallies` over folded `records`; where a limit is met, a sentence about the first record to meet it.

        All records are counted in any case.
        """
        refused = {(e.record.topic, e.record.offset): e.reject for e in emitted if isinstance(e, Refused)}
        if not refused:
            for topic, many in Counter(record.topic for record in records).items():
                tallies[topic] = self.accepted(tallies.get(topic, FRESH), many)
            return None
        told: str | None = None
        for record in records:
            topic = record.topic
            reject = refused.get((topic, record.offset))
            if reject is None:
                tallies[topic] = self.accepted(tallies.get(topic, FRESH), 1)
                continue
            tallies[topic] = tally = self.rejected(tallies.get(topic, FRESH))
            told = told or self._sentence(tally, record, reject)
        return told

    def accepted(self, tally: Tally, many: int) -> Tally:
        """After `many` records, one or more, that were not rejected."""
        records = tally.records + many
        if records <= self.over:
            return Tally(0, records, tally.rejects)
        return Tally(0, (records - 1) % self.over + 1, 0)

    def rejected(self, tally: Tally) -> Tally:
        """After one record that was rejected."""
        if tally.records == self.over:
            return Tally(tally.in_a_row + 1, 1, 1)
        return Tally(tally.in_a_row + 1, tally.records + 1, tally.rejects + 1)

    def met(self, tally: Tally) -> str | None:
        """Which limit a reject has met, if any."""
        if tally.in_a_row >= self.rejects_in_a_row:
            return "in a row"
        return "of its block" if tally.rejects > self.reject_ratio * self.over else None

    def _sentence(self, tally: Tally, record: Record, reject: Reject) -> str | None:
        met = self.met(tally)
        if met is None:
            return None
        in_a_row = met == "in a row"
        many = f"{tally.in_a_row:,} records in a row" if in_a_row else f"{tally.rejects:,} of {tally.records:,} records"
        option = f"rejects_in_a_row={self.rejects_in_a_row}" if in_a_row else f"reject_ratio={self.reject_ratio}"
        return (
            f"{many} of {record.topic}/{record.partition} were rejected, the last at offset {record.offset} "
            f"({reject}): mend what sends or reads them and start again, which goes on from the last commit; get back "
            f"what is in `rejected` with `millrace rejected replay`; or, if so many are normal, raise Limits({option})"
        )


FRESH = Tally()
