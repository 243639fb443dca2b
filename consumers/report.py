"""What the sink says of itself while it runs: how far it is behind, what it holds, what it waits for."""

import logging
from collections.abc import Callable, Mapping, Sequence

from consumers import pace
from consumers.buffer import Buffer
from consumers.kafka import Place
from consumers.metrics import SinkMetrics
from consumers.round import Round

log = logging.getLogger(__name__)

SLOW_S = 10.0


class Report:
    """Told every now and then. `end` gives the end of a partition; None where it is not known."""

    def __init__(self, metrics: SinkMetrics, end: Callable[[Place], int | None], topics: Sequence[str]) -> None:
        self._metrics = metrics
        self._end = end
        self._topics = tuple(topics)
        self._slow: Round | None = None

    def tell(self, buffers: Mapping[Place, Buffer], under_way: Round | None, now_s: float) -> None:
        """Set the gauges, and say once of each round that it takes long."""
        self._tell_lag(buffers, under_way)
        self._metrics.waiting.set(sum(buffer.waiting for buffer in buffers.values()))
        self._metrics.held_bytes.set(pace.held(buffers, under_way.size_bytes if under_way else 0))
        waited_s = now_s - under_way.since_s if under_way else 0.0
        self._metrics.round_seconds.set(waited_s)
        if under_way and waited_s >= SLOW_S and under_way is not self._slow:
            self._slow = under_way
            log.warning(
                "the %s of %s has taken %.0f s so far: records wait in Kafka meanwhile",
                under_way.step,
                ", ".join(batch.where for batch in under_way.batches),
                waited_s,
            )

    def _tell_lag(self, buffers: Mapping[Place, Buffer], under_way: Round | None) -> None:
        lags = dict.fromkeys(self._topics, 0)
        for place, buffer in buffers.items():
            written = under_way.position(place) if under_way else None
            lags[place[0]] += max(0, (self._end(place) or 0) - (buffer.start if written is None else written))
        for topic, lag in lags.items():
            self._metrics.lag(topic).set(lag)
