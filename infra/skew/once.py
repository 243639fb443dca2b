"""One look at all that a partition has served until now."""

from collections.abc import Callable
from dataclasses import dataclass

from infra.audit.opened import Opened
from infra.skew.checker import Checker
from infra.skew.recorded import Recorded
from infra.skew.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of one partition, of so many `events`. `left_out` were served from records that have expired since."""

    partition: int
    tally: Tally
    left_out: int
    events: int


def check(stage: Opened, partition: int, advance: Callable[[int], None] = lambda _: None) -> Checked:
    """Check every vector that the ledger has an entry of; `advance` is told how many records were gone through.

    Raises `Problem` where ledger, inputs and outputs do not belong together, or a server does not answer.
    """
    recorded = Recorded(stage, partition)
    checker = Checker(stage.pipeline)
    while True:
        before = recorded.seq
        for batch in recorded.batches():
            checker.take(batch)
            advance(len(batch.records))
        if recorded.seq == before:
            tally = checker.tally
            return Checked(partition=partition, tally=tally, left_out=recorded.left_out, events=tally.events)
