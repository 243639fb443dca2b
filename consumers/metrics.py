"""Every Prometheus metric of the sink, with its meaning. No ids in labels."""

from collections.abc import Callable, Sequence
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

COMMON = ("pipeline", "version")
INSERT_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class SinkMetrics:
    """The metrics of the sink of one pipeline in a collector registry of their own, so that several can live in one
    process. `rows`, `inserts` and `insert_seconds` are by table, `unreadable` and `lag` by topic, `errors` by kind."""

    def __init__(self, pipeline: str, version: int) -> None:
        self.registry = CollectorRegistry()
        self._labels = (pipeline, str(version))
        self.rows = self._totals("rows", "Rows that ClickHouse took, repeats included", "table")
        self.inserts = self._totals("inserts", "Inserts that ClickHouse answered", "table")
        seconds = Histogram(
            "millrace_sink_insert_seconds",
            "From an insert's start to its answer, retries included",
            (*COMMON, "table"),
            buckets=INSERT_BUCKETS,
            registry=self.registry,
        )
        self.insert_seconds: Callable[[str], Histogram] = partial(seconds.labels, *self._labels)
        self.resumed = self._total("resumed", "Intents found at assignment and repeated")
        self.unreadable = self._totals(
            "unreadable", "Records on Millrace's own topics that are none of its messages", "topic"
        )
        lag = self._gauges("lag_records", "Positions between what is inserted and the log's end", ["topic"])
        self.lag: Callable[[str], Gauge] = partial(lag.labels, *self._labels)
        self.waiting = self._gauge("waiting_records", "Records read and not yet inserted")
        self.held_bytes = self._gauge("held_bytes", "Memory of records read and not yet written")
        self.round_seconds = self._gauge(
            "round_seconds", "How long the records under way have waited for ClickHouse and Kafka; 0 with none"
        )
        self.retries = self._total("clickhouse_retries", "Requests to ClickHouse asked again")
        self.errors = self._totals("kafka_errors", "Errors that Kafka's client reported", "kind")
        self.clickhouse_up = self._gauge("clickhouse_up", "1 while ClickHouse answers, 0 while it is waited for")

    def _total(self, name: str, meaning: str) -> Counter:
        return self._counters(name, meaning, []).labels(*self._labels)

    def _totals(self, name: str, meaning: str, by: str) -> Callable[[str], Counter]:
        return partial(self._counters(name, meaning, [by]).labels, *self._labels)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return self._gauges(name, meaning, []).labels(*self._labels)

    def _counters(self, name: str, meaning: str, by: Sequence[str]) -> Counter:
        return Counter(f"millrace_sink_{name}_total", meaning, (*COMMON, *by), registry=self.registry)

    def _gauges(self, name: str, meaning: str, by: Sequence[str]) -> Gauge:
        return Gauge(f"millrace_sink_{name}", meaning, (*COMMON, *by), registry=self.registry)
