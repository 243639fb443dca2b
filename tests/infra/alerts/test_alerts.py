"""Alerts fire when they should and at no other time, as Prometheus' own tool finds."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

CASES = Path(__file__).with_name("alerts.test.yml")
PROMTOOL = shutil.which("promtool")


@pytest.mark.skipif(PROMTOOL is None, reason="there is no promtool to ask for alerts")
def test_alerts_fire_when_they_should_and_at_no_other_time() -> None:
    ran = subprocess.run([str(PROMTOOL), "test", "rules", CASES], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_each_alert_is_seen_to_fire() -> None:
    cases = yaml.safe_load(CASES.read_text())
    (rules,) = (CASES.parent / each for each in cases["rule_files"])
    asked = [asked for test in cases["tests"] for asked in test["promql_expr_test"]]
    fired = {sample["labels"] for each in asked for sample in each.get("exp_samples", ())}
    alerts = {rule["alert"] for group in yaml.safe_load(rules.read_text())["groups"] for rule in group["rules"]}

    assert fired == {f'{{alertname="{alert}"}}' for alert in alerts}
