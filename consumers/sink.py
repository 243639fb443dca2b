"""From a pipeline's output topics into ClickHouse, each record exactly once."""

import logging
import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from consumers.buffer import Buffer, Limits
from consumers.clickhouse import ClickHouse, Stopped
from consumers.convert import Convert
from consumers.group import Commit, Group, Place, Start
from consumers.metrics import SinkMetrics
from consumers.round import Inserter, Round, Step
from consumers.rows import Table

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
        self._inserter = Inserter(clickhouse, dict(tables))
        self._group = Group(kafka, group, metrics=metrics, on_assigned=self._assigned, on_revoked=self._revoked)
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
                buffer.add(at.offset, table, row, size_bytes=len(raw.value or b""), now_s=now_s)

    def _advance(self, executor: ThreadPoolExecutor, limits: Limits) -> None:
        now_s = time.monotonic()
        if self._round is None:
            due = [buffer for buffer in self._buffers.values() if buffer.due(limits, now_s)]
            batches = [buffer.take(limits, _token, now_s) for buffer in due]
            self._round = Round(batches, self._group, self._inserter) if batches else None
        if self._round is not None:
            self._round.advance(executor)
            if self._round.step is Step.DONE:
                self._round = None
        elif now_s - self._told_s >= limits.interval_s:
            self._told_s = now_s
            self._pass_markers()
            self._tell()

    def _pass_markers(self) -> None:
        """Commit positions behind transaction markers and aborted records alone, so that lag tools read zero."""
        passed = {place: end for place, buffer in self._buffers.items() if (end := buffer.passed) is not None}
        if passed and self._group.commit([Commit(place, end, None) for place, end in passed.items()]):
            for place, end in passed.items():
                self._buffers[place].start = end

    def _throttle(self) -> None:
        """Pause the partitions whose buffers are full, and resume those that have room again."""
        full = {place for place, buffer in self._buffers.items() if buffer.full(self._limits)}
        if full != self._paused:
            self._group.pause(full - self._paused)
            self._group.resume((self._paused - full) & set(self._buffers))
            self._paused = full

    def _tell(self) -> None:
        self._metrics.waiting.set(sum(buffer.waiting for buffer in self._buffers.values()))
        lags: dict[str, int] = dict.fromkeys(self._converters, 0)
        for place, buffer in self._buffers.items():
            lags[place[0]] += max(0, (self._group.end(place) or 0) - buffer.start)
        for topic, lag in lags.items():
            self._metrics.lag.labels(topic).set(lag)

    def _reached(self, until: Mapping[Place, int] | None) -> bool:
        if until is None or not self._joined or self._round is not None:
            return False
        return all(buffer.start >= until.get(place, 0) for place, buffer in self._buffers.items())

    def _flush(self, executor: ThreadPoolExecutor) -> None:
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
        self._inserter.forget(gone)
        if self._round is not None:
            self._round.forget(gone)


def _token() -> str:
    return uuid.uuid4().hex
