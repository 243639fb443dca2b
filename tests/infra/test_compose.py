"""compose.yaml, the Dockerfile and what they mount: pinned, watched, on loopback only, and in step with each other."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.runtime_lock import resolved, runtime_lock

ROOT = Path(__file__).parents[2]
INFRA = ROOT / "infra"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((INFRA / "compose.yaml").read_text())["services"]
EXACT = re.compile(r":v?\d+\.\d+\.\d+[\w.-]*$")


def provisioned(path: str) -> Any:
    return yaml.safe_load((INFRA / "dashboards" / path).read_text())


def test_the_servers_are_those_that_millrace_talks_to_and_is_watched_by() -> None:
    assert set(SERVICES) == {"kafka", "registry", "clickhouse", "prometheus", "grafana"}


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_to_an_exact_version(name: str) -> None:
    assert EXACT.search(SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_says_when_it_is_healthy_within_a_bound(name: str) -> None:
    check = SERVICES[name]["healthcheck"]

    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries"} <= check.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_port_is_bound_to_loopback(name: str) -> None:
    assert SERVICES[name]["ports"]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in SERVICES[name]["ports"])


@pytest.mark.parametrize("name", SERVICES)
def test_whoever_is_waited_for_is_waited_for_until_healthy(name: str) -> None:
    waits = SERVICES[name].get("depends_on", {})

    assert all(wait == {"condition": "service_healthy"} for wait in waits.values())
    assert waits.keys() <= SERVICES.keys()


def test_what_is_mounted_exists_or_is_a_named_volume() -> None:
    volumes = yaml.safe_load((INFRA / "compose.yaml").read_text())["volumes"]
    sources = [mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])]

    assert all((INFRA / source).exists() if source.startswith(".") else source in volumes for source in sources)


def test_the_schemas_outlive_the_registrys_container_with_the_topics() -> None:
    assert SERVICES["registry"]["environment"]["APICURIO_STORAGE_KIND"] == "kafkasql"


def test_grafana_reads_the_servers_that_compose_starts() -> None:
    sources = {source["uid"]: source for source in provisioned("provisioning/datasources/servers.yaml")["datasources"]}
    login = SERVICES["clickhouse"]["environment"]

    assert sources["prometheus"]["url"] == "http://prometheus:9090"
    assert sources["clickhouse"]["jsonData"]["username"] == login["CLICKHOUSE_USER"]
    assert sources["clickhouse"]["secureJsonData"]["password"] == login["CLICKHOUSE_PASSWORD"]
    assert sources["clickhouse"]["type"] in SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]


def test_grafana_finds_its_dashboards_where_they_are_mounted() -> None:
    (provider,) = provisioned("provisioning/dashboards/millrace.yaml")["providers"]

    assert f"./dashboards:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]


def test_prometheus_asks_the_port_that_the_image_serves() -> None:
    (job,) = provisioned("prometheus.yml")["scrape_configs"]
    served = re.search(r"MILLRACE_METRICS_PORT=(\d+)", (INFRA / "Dockerfile").read_text())

    assert served
    assert job["static_configs"][0]["targets"][0] == f"host.docker.internal:{served[1]}"


def test_prometheus_has_its_alerts_where_they_are_mounted() -> None:
    (rules,) = provisioned("prometheus.yml")["rule_files"]

    assert f"./dashboards/{rules}:/etc/prometheus/{rules}:ro" in SERVICES["prometheus"]["volumes"]
    assert provisioned(rules)["groups"]


def test_every_alert_says_whom_it_wakes_what_is_wrong_and_what_to_do() -> None:
    alerts = [rule for group in provisioned("alerts.yml")["groups"] for rule in group["rules"]]

    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    assert {rule["labels"]["severity"] for rule in alerts} == {"page", "ticket"}
    assert all(rule["annotations"].keys() == {"summary", "do"} for rule in alerts)


def test_the_image_runs_millrace_as_nobody_special() -> None:
    lines = (INFRA / "Dockerfile").read_text().splitlines()
    last_stage = lines[[at for at, line in enumerate(lines) if line.startswith("FROM ")][-1] :]

    assert "USER 10001" in last_stage
    assert 'ENTRYPOINT ["millrace"]' in last_stage


def test_what_the_image_copies_is_let_through_to_its_build() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copies = re.findall(r"^COPY (?!--from)(.+) \S+$", (INFRA / "Dockerfile").read_text(), re.MULTILINE)

    assert {source for copy in copies for source in copy.split()} == let_through


def test_the_image_installs_what_was_resolved_with_the_locks_hashes() -> None:
    report = '{"install": [{"metadata": {"name": "River"}}, {"metadata": {"name": "millrace"}}]}'
    kept = runtime_lock((ROOT / "requirements.lock").read_text(), resolved(report))

    assert kept.startswith("river==")
    assert "--hash=sha256:" in kept
    assert kept.count("==") == 1


def test_every_version_that_a_marker_may_choose_stays_in_the_images_lock() -> None:
    lock = "a==1 ; python_version < '3.12'\na==2 ; python_version >= '3.12'\nb==3"

    assert runtime_lock(lock, {"a"}) == "a==1 ; python_version < '3.12'\na==2 ; python_version >= '3.12'"
