"""The sink's /metrics endpoint."""

from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from consumers.metrics import SinkMetrics
from infra.run_sink import served
from infra.settings import Settings
from schemas.problem import Problem


def test_metrics_are_served_and_parse() -> None:
    metrics = SinkMetrics("payments", 1)
    metrics.rows("scored").inc(3)

    with served(Settings(), metrics) as port, urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = {each.name: each for each in text_string_to_metric_families(answer.read().decode())}

    rows = next(sample for sample in families["millrace_sink_rows"].samples if sample.name.endswith("_total"))
    assert (rows.labels, rows.value) == ({"pipeline": "payments", "version": "1", "table": "scored"}, 3)
    assert {"millrace_sink_lag_records", "millrace_sink_clickhouse_up"} <= set(families)


def test_a_port_in_use_is_told_with_the_cure() -> None:
    with (
        served(Settings(), SinkMetrics("payments", 1)) as port,
        pytest.raises(Problem, match="MILLRACE_METRICS_PORT"),
        served(Settings(metrics_port=port), SinkMetrics("payments", 1)),
    ):
        pass
