"""Every Prometheus metric of the sink, with its meaning. No ids in labels."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

INSERT_BUCKETS = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class SinkMetrics:
    """The sink's metrics in a collector registry of their own, so that several sinks can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.rows = Counter(
            "millrace_sink_rows_total", "Rows that ClickHouse took, repeats included", ["table"], registry=self.registry
        )
        self.inserts = Counter(
            "millrace_sink_inserts_total", "Inserts that ClickHouse answered", ["table"], registry=self.registry
        )
        self.insert_seconds = Histogram(
            "millrace_sink_insert_seconds",
            "From an insert's start to its answer, retries included",
            ["table"],
            buckets=INSERT_BUCKETS,
            registry=self.registry,
        )
        self.resumed = Counter(
            "millrace_sink_resumed_total", "Intents found at assignment and repeated", registry=self.registry
        )
        self.unreadable = Counter(
            "millrace_sink_unreadable_total",
            "Records on Millrace's own topics that are none of its messages",
            ["topic"],
            registry=self.registry,
        )
        self.lag = Gauge(
            "millrace_sink_lag_records",
            "Positions between what is inserted and the log's end",
            ["topic"],
            registry=self.registry,
        )
        self.waiting = Gauge(
            "millrace_sink_waiting_records", "Records read and not yet inserted", registry=self.registry
        )
        self.held_bytes = Gauge(
            "millrace_sink_held_bytes",
            "Memory of records read and not yet written",
            registry=self.registry,
        )
        self.round_seconds = Gauge(
            "millrace_sink_round_seconds",
            "How long the records under way have waited for ClickHouse and Kafka; 0 with none",
            registry=self.registry,
        )
        self.retries = Counter(
            "millrace_sink_clickhouse_retries_total", "Requests to ClickHouse asked again", registry=self.registry
        )
        self.errors = Counter(
            "millrace_sink_kafka_errors_total", "Errors that Kafka's client reported", ["kind"], registry=self.registry
        )
        self.clickhouse_up = Gauge(
            "millrace_sink_clickhouse_up",
            "1 while ClickHouse answers, 0 while it is waited for",
            registry=self.registry,
        )
