"""A whole sink from settings: migrations, metrics endpoint, consumer group, ClickHouse."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from prometheus_client import start_http_server

from consumers.buffer import Limits
from consumers.clickhouse import ClickHouse, FeatureSet, Refused
from consumers.convert import converters, tables
from consumers.kafka import ends
from consumers.metrics import SinkMetrics
from consumers.patience import Stopped
from consumers.sink import Sink
from infra.migrate import migrate
from infra.settings import Settings, clickhouse, librdkafka, reach, schema_registry
from infra.settings.variables import variable
from schemas.problem import Problem
from schemas.registry import Registry
from schemas.topics import Topics
from streams.plan import MONITOR, SCORE


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What one run of the sink has written."""

    rows: dict[str, int]
    inserts: int
    unreadable: int
    migrations: list[str]


def run_sink(
    settings: Settings,
    topics: Topics,
    *,
    features: FeatureSet,
    stop: threading.Event,
    stages: Callable[[], Sequence[str]] = lambda: (SCORE, MONITOR),
    until_idle: bool = False,
    limits: Limits | None = None,
) -> Written:
    """Write the pipeline's output topics, and the ledgers of its `stages`, into ClickHouse until `stop` is set.

    `stages` is called when ClickHouse has answered, may wait for the topics until `stop` is set, and names the stages.
    `until_idle`: or until all that stood there at the start is written. Brings ClickHouse's tables up to date first.
    Sets `stop` when it ends. Raises `Problem` for a server that does not answer at the start, a topic that is missing,
    rows that are refused.
    """
    reach(settings, ("kafka", "schema_registry"))
    metrics = SinkMetrics(topics.pipeline, features.version)
    applied = migrate(settings)
    logging.getLogger("clickhouse_connect").setLevel(logging.ERROR)  # says every retry again, with a traceback
    store = ClickHouse(clickhouse(settings), stop=stop, metrics=metrics)
    with closing(store), Registry(schema_registry(settings)) as registry, served(settings, metrics):
        _name_features(store, features)
        ledgers = [topics.ledger(features.version, stage) for stage in stages()]
        sink = Sink(
            librdkafka(settings),
            topics.sink,
            converters=converters(topics, ledgers, registry, metrics),
            tables=tables(topics, ledgers),
            clickhouse=store,
            metrics=metrics,
            limits=limits,
        )
        every = (*topics.outputs, *ledgers)
        sink.run(stop, until=ends(librdkafka(settings), every) if until_idle else None)
    return _written(metrics, applied)


@contextmanager
def served(settings: Settings, metrics: SinkMetrics) -> Iterator[int]:
    """Serve /metrics inside the `with`, on the port that it gives."""
    host, port = settings.metrics_host, settings.metrics_port
    try:
        server, thread = start_http_server(port, host, metrics.registry)
    except OSError as error:
        raise Problem(
            f"/metrics cannot be served on {host}:{port} ({error.strerror}): set {variable('metrics_port')} to a free "
            "port, or to 0"
        ) from error
    logging.getLogger(__name__).info("metrics on http://%s:%d/metrics", host, server.server_port)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _name_features(store: ClickHouse, features: FeatureSet) -> None:
    try:
        store.name_features(features)
    except Refused as refused:
        raise Problem(f"ClickHouse refuses the names of the features ({refused}): check its user's rights") from refused
    except Stopped as stopped:
        raise Problem(f"stopped before ClickHouse answered ({stopped}): start again") from stopped


def _written(metrics: SinkMetrics, migrations: list[str]) -> Written:
    samples = [sample for family in metrics.registry.collect() for sample in family.samples]
    rows = {one.labels["table"]: int(one.value) for one in samples if one.name == "millrace_sink_rows_total"}
    inserts = sum(int(one.value) for one in samples if one.name == "millrace_sink_inserts_total")
    unreadable = sum(int(one.value) for one in samples if one.name == "millrace_sink_unreadable_total")
    return Written(rows=rows, inserts=inserts, unreadable=unreadable, migrations=migrations)
