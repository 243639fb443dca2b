"""Checks what is served as it is served, and keeps ClickHouse told; goes on where it, or another one, has stopped."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import clickhouse_connect
from clickhouse_connect.driver.exceptions import DatabaseError

from consumers.clickhouse import ClickHouse, Refused
from consumers.metrics import SinkMetrics
from consumers.patience import Stopped
from infra.audit.opened import Opened
from infra.migrate import migrate
from infra.settings import Settings, clickhouse
from infra.skew.checker import Checker
from infra.skew.everywhere import Everywhere, Seen
from infra.skew.recorded import Recorded
from infra.skew.served import Rows
from infra.skew.settled import Ends, Settled
from infra.skew.staged import judged
from infra.skew.table import SKEW, Mark, Unknown, Whose, rows, standing
from schemas.problem import Outage, Problem
from streams.feature import Feature

log = logging.getLogger(__name__)

POLL_S = 0.5
"""How long to wait where nothing new was committed."""

AWAY_S = 5.0
"""How long to wait where Kafka does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What was checked of one partition of a stage since the last time, and how many records its inputs are ahead."""

    stage: str
    partition: int
    events: int
    values: int
    unequal: int
    behind: int


class Followed:
    """One partition of a stage. What the table says was counted before is gone through once more, for full windows.

    `features` are those that the stage finds, and `rows` what came of its records, where there are several stages.
    """

    def __init__(
        self,
        stage: Opened,
        partition: int,
        settings: Settings,
        features: Sequence[Feature] | None = None,
        rows: Rows | None = None,
    ) -> None:
        binding = stage.binding
        self.place = stage.stage, partition
        self._whose = Whose(pipeline=binding.pipeline, version=binding.version, partition=partition)
        self._known = stage.pipeline.feature_names
        self._checker = Checker(stage.pipeline, features)
        self._recorded = Recorded(stage, partition, rows)
        self._left_out = 0
        self._done = self._standing(settings)

    def _standing(self, settings: Settings) -> Mark | None:
        """Up to where the table has counts. Raises `Outage` where ClickHouse does not answer, `Problem` for others'."""
        try:
            with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
                return standing(client, self._whose, self._checker.tally, self._known)
        except DatabaseError as error:
            raise Outage(f"ClickHouse does not answer ({str(error).splitlines()[0]})") from error
        except Unknown as unknown:
            raise self._of_another_ledger() from unknown

    def step(self, store: ClickHouse, stop: threading.Event, until: int | None = None) -> Round | None:
        """Check what was committed since the last call, and write it; None where nothing was.

        No further than before the offset `until` of the ledger.

        Raises `Problem` where it cannot be right, and `Stopped`, `Refused` as ClickHouse does.
        """
        tally, recorded = self._checker.tally, self._recorded
        seq, events, checked, unequal = recorded.seq, tally.events, tally.checked, tally.unequal
        for batch in recorded.batches(until):
            self._checker.take(batch, judging=self._is_new(batch.seq, batch.head))
            if stop.is_set():
                break
        if recorded.seq == seq:
            self._require_reached()
            return None
        self._tell_left_out()
        self._write(store, Mark(recorded.seq, recorded.head))
        stage, partition = self.place
        return Round(
            stage=stage,
            partition=partition,
            events=tally.events - events,
            values=tally.checked - checked,
            unequal=tally.unequal - unequal,
            behind=recorded.behind,
        )

    def _tell_left_out(self) -> None:
        """Say what has expired: whoever was away for too long has not checked it."""
        if self._recorded.left_out > self._left_out:
            self._left_out = self._recorded.left_out
            told = "partition %d: %d events were served from records that have expired: they are not checked any more"
            log.warning(told, self._whose.partition, self._left_out)

    def _write(self, store: ClickHouse, mark: Mark) -> None:
        """Everything that has changed, in one insert: it stands there whole or not at all."""
        tally = self._checker.tally
        told = list(rows(self._whose, tally, mark))
        if told:
            token = f"{'/'.join(map(str, (*self._whose.names.values(), self.place[0])))} {mark.seq}"
            store.patiently(lambda: store.insert(SKEW, told, token))
            tally.changed.clear()

    def _is_new(self, seq: int, head: str) -> bool:
        if self._done is None or seq > self._done.seq:
            return True
        if seq == self._done.seq and head != self._done.head:
            raise self._of_another_ledger()
        return False

    def _require_reached(self) -> None:
        """Raise `Problem` where the ledger ends before what the table says was checked."""
        if self._done is not None and self._recorded.seq < self._done.seq:
            raise self._of_another_ledger()

    def _of_another_ledger(self) -> Problem:
        whose = self._whose
        return Problem(
            f"table {SKEW.name} has counts of {whose.pipeline}, partition {whose.partition}, of another ledger, "
            f"as when topics were made anew: forget them (ALTER TABLE {SKEW.name} DROP PARTITION '{whose.pipeline}') "
            f"and start again"
        )


def follow(
    stages: Sequence[Opened],
    partitions: Sequence[int],
    settings: Settings,
    stop: threading.Event,
    tell: Callable[[Round], None],
) -> int:
    """Check and write until `stop` is set; how many values were found unequal. `tell` is told of each round.

    Several `stages` are each followed in these partitions, as far as everything has gone all the way.
    Brings ClickHouse's tables up to date first. Where a server is away it begins anew, with what the table has.
    Raises `Problem` where a server does not answer at the start, or what stands on the topics cannot be right.
    """
    migrate(settings)
    whose = stages[0].binding
    store, unequal = ClickHouse(clickhouse(settings), stop=stop, metrics=SinkMetrics(whose.pipeline, whose.version)), 0
    try:
        while not stop.is_set():
            try:
                for each in _followed(stages, partitions, settings, store, stop):
                    unequal += each.unequal
                    tell(each)
            except Outage as outage:
                log.warning("%s: waiting for it", outage)
                stop.wait(AWAY_S)
    except Refused as refused:
        raise Problem(f"ClickHouse refuses rows of {SKEW.name} ({refused}): check its user's rights") from refused
    except Stopped:
        log.warning("ClickHouse did not answer: what was not written is checked anew next time")
    finally:
        store.close()
    return unequal


def _followed(
    stages: Sequence[Opened], partitions: Sequence[int], settings: Settings, store: ClickHouse, stop: threading.Event
) -> Iterator[Round]:
    if len(stages) == 1:
        return _rounds([Followed(stages[0], number, settings) for number in partitions], store, stop)
    rows = Everywhere(stages[-1])
    followed = [
        Followed(stage, number, settings, features, Seen(rows))
        for stage, features in judged(stages)
        for number in partitions
    ]
    return _rounds(followed, store, stop, Settled(stages, rows))


def _rounds(
    followed: Sequence[Followed], store: ClickHouse, stop: threading.Event, settled: Settled | None = None
) -> Iterator[Round]:
    """Round after round, up to what is `settled`, or to the ends of the ledgers."""
    ends: Ends | None = None
    while not stop.is_set():
        if ends is None:
            ends = settled.look() if settled is not None else {}
        idle = True
        if ends is not None:
            for each in followed:
                found = each.step(store, stop, ends.get(each.place))
                if found is not None:
                    idle = False
                    yield found  # before the next one is looked at, which may fail
        if idle:
            if ends is not None and settled is not None:
                settled.checked()
            ends = None
            stop.wait(POLL_S)
