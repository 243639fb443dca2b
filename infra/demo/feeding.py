"""Feeding in a thread of its own: records leave while the rest of the demo watches."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from infra.demo.poison import Spoilt, SpoiltRoute
from infra.feed import routes
from infra.settings import Settings, librdkafka
from producers.known import Kind, Known
from producers.pace import Pace
from producers.publish import Publisher, publish
from streams.pipeline import Pipeline


class Stopped(Exception):
    """The demo ends before everything was sent."""


@dataclass(slots=True, kw_only=True)
class Sent:
    """What has been handed to Kafka: events of any kind, spoilt ones among them, labels, and the latest Kafka time."""

    events: int = 0
    spoilt: int = 0
    labels: int = 0
    time_ms: int = 0


class Feeder:
    """Publishes `records` to the inputs of `pipeline` inside the `with`; leaving it early stops it."""

    def __init__(self, pipeline: Pipeline, settings: Settings, records: Iterable[Known]) -> None:
        """Registers the schemas. Raises `Problem` where the registry refuses them."""
        self.sent = Sent()
        self._records = records
        ways = routes(pipeline, settings)
        self._publisher = Publisher(librdkafka(settings), {**ways, Kind.EVENT: SpoiltRoute(ways[Kind.EVENT])})
        self._stop = threading.Event()
        self._thread = ThreadPoolExecutor(1, "feeder")
        self._work: Future[None] | None = None

    def __enter__(self) -> Self:
        self._work = self._thread.submit(publish, self._publisher, self._records, pace=Pace(), progress=self._count)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._stop.set()
        self._thread.shutdown(wait=True)

    @property
    def done(self) -> bool:
        """Whether Kafka has everything. Raises `Problem` where it refused."""
        if self._work is None or not self._work.done():
            return False
        self._work.result()
        return True

    def _count(self, known: Known) -> None:
        if self._stop.is_set():
            raise Stopped
        sent = self.sent
        if known.kind is Kind.EVENT:
            sent.events += 1
            sent.spoilt += isinstance(known.record, Spoilt)
        else:
            sent.labels += 1
        sent.time_ms = known.time_ms
