"""From a pipeline's output topics into ClickHouse, each record exactly once."""

import logging
import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace

from consumers import pace
from consumers.buffer import Buffer, Limits
from consumers.clickhouse import ClickHouse
from consumers.convert import Convert
from consumers.group import Commit, Group
from consumers.insert import Inserter
from consumers.kafka import Place
from consumers.metrics import SinkMetrics
from consumers.patience import Stopped
from consumers.report import Report
from consumers.round import Round, Step
from consumers.start import Start
from consumers.tables import Table

log = logging.getLogger(__name__)

READ_AT_MOST = 5_000
READ_WITHIN_S = 0.1
BUSY_WITHIN_S = 0.01
LEAVE_WITHIN_S = 30.0
FAR = float("inf")


class Sink:
    """A member of `group` that writes what `converters` make of their topics' records.

    Reading goes on while an insert runs in a thread of its own: the group is never kept waiting. A partition whose
    buffer is full is paused.
    """

    def __init__(
        self,
        kafka: Mapping[str, str],
        group: str,
        *,
        converters: Mapping[str, Convert],
        tables: Mapping[str, Table],
        clickhouse: ClickHouse,
        metrics: SinkMetrics,
        limits: Limits | None = None,
    ) -> None:
        self._converters = converters
        self._metrics = metrics
        self._limits = limits or Limits()
        self._inserter = Inserter(clickhouse, dict(tables), metrics)
        self._group = Group(kafka, group, metrics=metrics, on_assigned=self._assigned, on_revoked=self._revoked)
        self._report = Report(metrics, self._group.end, list(converters))
        self._buffers: dict[Place, Buffer] = {}
        self._round: Round | None = None
        self._paused: set[Place] = set()
        self._joined = False
        self._told_s = 0.0

    def run(self, stop: threading.Event, *, until: Mapping[Place, int] | None = None) -> None:
        """Write until `stop` is set, or until every position in `until` is written; then leave the group, all flushed.

        Raises `Problem` where going on would lose or double rows. What was open then is repeated by the next run.
        """
        with ThreadPoolExecutor(1, thread_name_prefix="clickhouse") as executor:
            try:
                self._group.join(list(self._converters))
                while not stop.is_set() and not self._reached(until):
                    self._read(BUSY_WITHIN_S if self._round else READ_WITHIN_S)
                    self._advance(executor, self._limits)
                    self._throttle()
                self._flush(executor)
            except Stopped as stopped:
                log.warning("stopped while ClickHouse is away (%s): what waits stays in Kafka", stopped)
            finally:
                stop.set()  # an insert that still waits for ClickHouse ends
                self._group.close()

    def _read(self, within_s: float) -> None:
        now_s = time.monotonic()
        for at, raw in self._group.read(READ_AT_MOST, within_s):
            buffer = self._buffers.get((at.topic, at.partition))
            if buffer is None:
                continue  # revoked since it was fetched
            if raw is None:
                buffer.reach(at.offset)
            elif at.offset >= buffer.end:
                table, row = self._converters[at.topic](at, raw)
                buffer.add(at.offset, table, row, size_bytes=pace.occupied(raw), now_s=now_s)

    def _advance(self, executor: Executor, limits: Limits) -> None:
        now_s = time.monotonic()
        if self._round is None:
            due = [buffer for buffer in self._buffers.values() if buffer.due(limits, now_s)]
            batches = [buffer.take(limits, _token, now_s=now_s, taken_s=time.time()) for buffer in due]
            self._round = Round(batches, self._group, self._inserter, since_s=now_s) if batches else None
        if self._round is not None:
            self._round.advance(executor)
            if self._round.step is Step.DONE:
                self._round = None
        if now_s - self._told_s >= limits.interval_s:
            self._told_s = now_s
            self._pass_markers()
            self._report.tell(self._buffers, self._round, now_s)

    def _pass_markers(self) -> None:
        """Commit positions behind transaction markers and aborted records alone, so that lag tools read zero."""
        if self._round is not None:
            return  # its intents stand where these would go
        passed = {place: end for place, buffer in self._buffers.items() if (end := buffer.passed) is not None}
        if passed and self._group.commit([Commit(place, end, None) for place, end in passed.items()]):
            for place, end in passed.items():
                self._buffers[place].start = end

    def _throttle(self) -> None:
        """Pause the partitions of which enough is held, and resume those that have room again."""
        under_way_bytes = self._round.size_bytes if self._round else 0
        full = pace.to_pause(self._buffers, self._limits, pace.held(self._buffers, under_way_bytes))
        if full != self._paused:
            self._group.pause(full - self._paused)
            self._group.resume((self._paused - full) & set(self._buffers))
            self._paused = full

    def _reached(self, until: Mapping[Place, int] | None) -> bool:
        if until is None or not self._joined or self._round is not None:
            return False
        return all(buffer.start >= until.get(place, 0) for place, buffer in self._buffers.items())

    def _flush(self, executor: Executor) -> None:
        """Write what has been read; what another member then repeats is not lost, so this need not take for ever."""
        deadline = time.monotonic() + LEAVE_WITHIN_S
        self._group.pause(self._buffers)
        at_once = replace(self._limits, interval_s=0.0)
        while time.monotonic() < deadline:
            self._advance(executor, at_once)
            open_still = any(buffer.due(at_once, FAR) for buffer in self._buffers.values())
            if self._round is None and not open_still:
                return
            self._read(BUSY_WITHIN_S)
        log.warning("left before everything that was read was written: it stays in Kafka")

    def _assigned(self, starts: Sequence[Start]) -> None:
        self._joined = True
        for (topic, partition), offset, intent in starts:
            self._buffers[topic, partition] = Buffer(topic=topic, partition=partition, start=offset, intent=intent)
            self._metrics.resumed.inc(intent is not None)
        self._group.resume(self._buffers)
        self._paused = set()

    def _revoked(self, places: Iterable[Place]) -> None:
        gone = list(places)
        for place in gone:
            self._buffers.pop(place, None)
        if self._round is not None:
            self._round.forget(gone)


def _token() -> str:
    return uuid.uuid4().hex
