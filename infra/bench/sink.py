"""From a score that a reader of committed records sees to the row in ClickHouse; and how fast a backlog goes in."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infra.bench.live import MILLRACE, STREAM, TARGET, Live, live
from infra.bench.paced import MS_PER_S
from infra.bench.report import Figure, Report
from infra.bench.sender import Sender
from infra.bench.trial import Trial, taken
from infra.bench.waiting import until
from infra.demo.servers import Servers
from infra.demo.store import Store
from infra.embedded.process import ServerProcess

MOST_MS = 2_000.0
LOOK_S = 0.1
WITHIN_S = 300.0
FOUND = "SELECT count(), toInt64(max(offset)) FROM scored WHERE topic = {topic:String}"
ANY = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND name = 'scored'"

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Scores that stand there when the sink begins; then payments a second, how long, and how late they may be sent."""

    backlog: int = 100_000
    rate_per_s: int = 1_000
    seconds: float = 30.0
    warm_s: float = 5.0
    late_ms: float = 10.0


QUICK = Size(backlog=30_000, seconds=10.0, warm_s=2.0)


class Looks:
    """When ClickHouse was asked, and up to which offset it had scores, by a thread that asks again and again."""

    def __init__(self, store: Store, topic: str) -> None:
        self._store, self._topic, self._stop = store, topic, threading.Event()
        self.at_s: list[float] = []
        self.rows: list[int] = []
        self.offsets: list[int] = []

    def look(self) -> int:
        """How many rows there are now."""
        ((rows, offset),) = self._store.ask(FOUND, topic=self._topic).rows
        self.at_s.append(time.monotonic())
        self.rows.append(rows)
        self.offsets.append(offset if rows else -1)
        return int(rows)

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Look again and again inside the `with`."""
        thread = threading.Thread(target=self._go_on)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def _go_on(self) -> None:
        while not self._stop.wait(LOOK_S):
            self.look()

    def rows_per_s(self) -> float:
        """From the first look that found any to the last, which found all; where that is the same, from the first."""
        first = next(place for place, rows in enumerate(self.rows) if rows)
        if first == len(self.rows) - 1:
            first = 0
        return (self.rows[-1] - self.rows[first]) / max(self.at_s[-1] - self.at_s[first], LOOK_S)

    def queryable_ms(self, found: Trial, warm_s: float) -> NDArray[np.float64]:
        """Of each score behind the warm-up: from when a reader saw it to the first look that found it."""
        until_s = found.paced.begun_s + warm_s
        seen = [each for each in found.seen if each.at_s >= until_s]
        looks = np.searchsorted(np.array(self.offsets), [each.offset for each in seen], side="left")
        return np.array([self.at_s[look] - each.at_s for look, each in zip(looks, seen, strict=True)]) * MS_PER_S


def run(servers: Servers, folder: Path, note: Note, size: Size) -> Report:
    """Let a backlog of scores arise, write it; then go on live. Raises `Problem` where something fails."""
    with live(MILLRACE, servers, folder, "sink") as running:
        note(f"scoring {size.backlog:,} payments")
        _backlog(running, size.backlog)
        with _sink(running, folder) as sink, Store(running.servers.settings, "") as store:
            until("there are tables", lambda: store.ask(ANY).rows[0][0] > 0, [sink], within_s=WITHIN_S)
            note("writing them")
            behind = Looks(store, running.topic)
            until("all are written", lambda: behind.look() == running.sent, [sink], within_s=WITHIN_S)
            note(f"{size.rate_per_s:,} payments a second")
            looks = Looks(store, running.topic)
            with looks.going_on():
                found = running.trial(size.rate_per_s, size.seconds + size.warm_s)
                until("all are found", lambda: looks.rows[-1:] == [running.sent], [sink], within_s=WITHIN_S)
            void = _wrong(store, running)
        void += running.wrong("the run")
    load = {"backlog": size.backlog, "payments per s": size.rate_per_s, "seconds": size.seconds}
    figures = _figures(looks.queryable_ms(found, size.warm_s), behind.rows_per_s())
    void += found.doubts(MOST_MS, size.late_ms)
    return Report(bench="sink", load=load, figures=figures, void=void)


def _backlog(running: Live, events: int) -> None:
    with Sender(running.pipeline, running.servers.settings) as sender:
        sender.send(STREAM.records(running.sent, running.sent + events))
    running.sent += events
    running.settle()


def _sink(running: Live, folder: Path) -> ServerProcess:
    command = [sys.executable, "-P", "-m", "infra.cli", "sink", TARGET]
    return ServerProcess("the sink", command, log_path=folder / "sink.log", env=running.servers.environment)


def _wrong(store: Store, running: Live) -> list[str]:
    """Where a score stands in ClickHouse more than once."""
    query = "SELECT count(), uniqExact(partition, offset) FROM scored WHERE topic = {topic:String}"
    ((rows, places),) = store.ask(query, topic=running.topic).rows
    return [] if rows == places else [f"ClickHouse has {rows - places:,} rows of scores too many"]


def _figures(took_ms: NDArray[np.float64], rows_per_s: float) -> list[Figure]:
    return [
        *taken(took_ms, MOST_MS),
        Figure(name="backlog", value=rows_per_s, unit="scores/s", note="beside outcomes and ledger"),
    ]
