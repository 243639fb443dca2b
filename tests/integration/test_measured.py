"""What Prometheus scrapes from workers and sink, and that dashboard and alerts ask for nothing else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Metric

from tests.integration.shop import TABLES, Shop

DASHBOARDS = Path(__file__).parents[2] / "infra" / "dashboards"
DASHBOARD = json.loads((DASHBOARDS / "millrace.json").read_text())
ROWS = ["Throughput and results", "Latency", "Lag", "Rejects", "Model", "Drift", "Quality"]
TYPES = {
    "millrace_records": "counter",
    "millrace_fenced": "counter",
    "millrace_refolded_records": "counter",
    "millrace_commit_seconds": "histogram",
    "millrace_fold_seconds": "histogram",
    "millrace_group_records": "histogram",
    "millrace_healthy": "gauge",
    "millrace_lag_records": "gauge",
    "millrace_watermark_seconds": "gauge",
    "millrace_disordered_records": "gauge",
    "millrace_labels_learnt": "gauge",
    "millrace_labels_held": "gauge",
    "millrace_model_age_seconds": "gauge",
    "millrace_monitor_value": "gauge",
    "millrace_requests": "counter",
    "millrace_request_seconds": "histogram",
}
SINK_TYPES = {
    "millrace_sink_rows": "counter",
    "millrace_sink_inserts": "counter",
    "millrace_sink_insert_seconds": "histogram",
    "millrace_sink_resumed": "counter",
    "millrace_sink_unreadable": "counter",
    "millrace_sink_lag_records": "gauge",
    "millrace_sink_waiting_records": "gauge",
    "millrace_sink_held_bytes": "gauge",
    "millrace_sink_round_seconds": "gauge",
    "millrace_sink_clickhouse_retries": "counter",
    "millrace_sink_kafka_errors": "counter",
    "millrace_sink_clickhouse_up": "gauge",
}
BOUNDED = {
    *("pipeline", "version", "stage", "role", "result", "partition", "monitor"),
    *("subject", "table", "topic", "kind", "status", "le"),
}
INSTANCE = "instance"
"""Prometheus itself adds it."""

MOST_SAMPLES = 300
UNITS = re.compile(r"_(milliseconds|ms|minutes|kilobytes|percent)(_|$)")


def samples(shop: Shop) -> dict[str, list[Any]]:
    """Every sample that was scraped, by its name."""
    found: dict[str, list[Any]] = {}
    for families in (shop.score, shop.monitor, shop.sink):
        for sample in [sample for family in families.values() for sample in family.samples]:
            found.setdefault(sample.name, []).append(sample)
    return found


def value(families: dict[str, Metric], name: str, **labels: str) -> float:
    """The sum over the samples of `name` with these labels."""
    every = [sample for family in families.values() for sample in family.samples if sample.name == name]
    return sum(sample.value for sample in every if labels.items() <= sample.labels.items())


@pytest.mark.servers
def test_every_metric_has_its_type_and_a_meaning(shop: Shop) -> None:
    for families, types in ((shop.score, TYPES), (shop.monitor, TYPES), (shop.sink, SINK_TYPES)):
        created = {name for name in families if name.endswith("_created")}

        assert {name: family.type for name, family in families.items() if name not in created} == types
        assert all(family.documentation for family in families.values())


@pytest.mark.servers
def test_names_are_in_base_units_and_labels_are_bounded(shop: Shop) -> None:
    found = samples(shop)
    labels = {name for each in found.values() for sample in each for name in sample.labels}

    assert not [name for name in found if UNITS.search(name) or not name.startswith("millrace_")]
    assert labels <= BOUNDED
    assert all(len(each) < MOST_SAMPLES for each in found.values())


@pytest.mark.servers
def test_the_score_stage_measures_what_it_did(shop: Shop) -> None:
    scored = value(shop.score, "millrace_records_total", role="events", result="scored")
    folded = value(shop.score, "millrace_group_records_sum")

    assert scored == shop.story.expected["scored"]
    assert folded == shop.story.events + shop.story.labels
    assert value(shop.score, "millrace_commit_seconds_count") == value(shop.score, "millrace_group_records_count") > 0
    assert value(shop.score, "millrace_labels_learnt") == shop.story.labels
    assert 0.0 <= value(shop.score, "millrace_model_age_seconds", partition="0") < 600.0
    assert value(shop.score, "millrace_lag_records") == 0.0


@pytest.mark.servers
def test_rejected_records_of_every_input_are_counted_from_none_on(shop: Shop) -> None:
    def roles(families: dict[str, Metric]) -> set[str]:
        samples = families["millrace_records"].samples
        return {each.labels["role"] for each in samples if each.labels["result"] == "rejected"}

    assert roles(shop.score) == {"events", "labels"}
    assert roles(shop.monitor) == {"scored", "outcomes"}


@pytest.mark.servers
def test_a_stage_tells_no_figure_that_it_has_not(shop: Shop) -> None:
    told = {name for name, family in shop.monitor.items() if family.samples}

    assert told.isdisjoint({"millrace_watermark_seconds", "millrace_labels_learnt", "millrace_model_age_seconds"})


@pytest.mark.servers
def test_the_monitor_says_where_adwin_and_every_feature_stand(shop: Shop) -> None:
    found = [sample for sample in shop.monitor["millrace_monitor_value"].samples if sample.labels["partition"] == "1"]
    stands = {(sample.labels["monitor"], sample.labels["subject"]): sample.value for sample in found}
    subjects = [("stability", subject) for subject in (*shop.pipeline.feature_names, "score")]

    assert set(stands) == {("adwin", "error"), *subjects}
    assert 0.0 < stands["adwin", "error"] < 1.0
    assert all(distance >= 0.0 for distance in stands.values())


@pytest.mark.servers
def test_the_sink_measures_what_it_wrote(shop: Shop) -> None:
    tables = {sample.labels["table"] for sample in shop.sink["millrace_sink_rows"].samples}

    assert {"scored", "outcomes", "metrics", "rejected"} <= tables <= {*TABLES, "feature_sets", "ledger"}
    assert value(shop.sink, "millrace_sink_clickhouse_up") == 1.0


def alerts() -> Iterator[tuple[str, str]]:
    """Name and expression of every alert that Prometheus watches for."""
    for group in yaml.safe_load((DASHBOARDS / "alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def queries(uid: str) -> Iterator[tuple[str, str]]:
    """Title and query of every panel and variable that asks the data source `uid`."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            if target["datasource"]["uid"] == uid:
                yield panel["title"], target["expr" if uid == "prometheus" else "rawSql"]
    for variable in DASHBOARD["templating"]["list"]:
        if variable["datasource"]["uid"] == uid:
            query = variable["query"]
            yield variable["name"], query["query"] if uid == "prometheus" else query


def test_the_dashboard_has_its_rows_and_known_sources() -> None:
    described = yaml.safe_load((DASHBOARDS / "provisioning" / "datasources" / "servers.yaml").read_text())
    sources = {source["uid"]: source["type"] for source in described["datasources"]}
    asked = [target["datasource"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]

    assert [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"] == ROWS
    assert {source["uid"]: source["type"] for source in asked} == sources
    assert len(ids) == len(set(ids))


@pytest.mark.servers
def test_every_prometheus_query_names_metrics_and_labels_that_are_scraped(shop: Shop) -> None:
    found = samples(shop)
    labels = {name: {label for sample in each for label in sample.labels} for name, each in found.items()}
    for title, query in (*queries("prometheus"), *alerts()):
        names = re.findall(r"\bmillrace_\w+", query)

        assert names, title
        assert set(names) <= set(found), title
        for name, matchers in re.findall(r"\b(millrace_\w+)\{([^}]*)\}", query):
            assert set(re.findall(r"(\w+)=", matchers)) <= labels[name], title
        for grouped in re.findall(r"by \(([^)]*)\)", query):
            assert set(grouped.split(", ")) <= {INSTANCE}.union(*(labels[name] for name in names)), title


@pytest.mark.servers
def test_every_clickhouse_query_has_an_answer(shop: Shop) -> None:
    stream = f"{shop.settings.topic_prefix}{shop.pipeline.name}"
    with shop.client() as client:
        for title, query in queries("clickhouse"):
            plain = re.sub(r"\$__timeFilter\((.+?\)?)\)(?= )", r"(\1 > toDateTime(0))", query)
            plain = plain.replace("$stream", stream).replace("$pipeline", shop.pipeline.name)
            answer = client.query(plain)

            assert "$" not in plain
            assert answer.result_rows or title == "Alerts", f"{title}: {plain}"
