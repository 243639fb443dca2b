"""What `millrace plan` tells of a pipeline, without any server."""

import json
from itertools import pairwise
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from infra.cli import app
from schemas.problem import Problem
from tests.integration.harness import PIPELINES

STAGED = f"{PIPELINES / 'verbs.py'}:staged"
REKEYED = f"{PIPELINES / 'rekeyed.py'}:rekeyed"
ONE = f"{PIPELINES / 'verbs.py'}:one"


def plan(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["plan", *arguments], catch_exceptions=False)


def told(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(plan(*arguments, "--json").stdout)
    return found


def test_one_partition_has_one_stage_with_all_windows() -> None:
    score, monitor = told(STAGED, "--partitions", "1")["stages"]

    assert (score["stage"], score["reads"]) == ("score", ["staged.events", "staged.labels"])
    assert {"customer_id.count.1h", "terminal_id.rate.1h.delay_2h", "all.count.1h"} <= set(score["features"])
    assert monitor["reads"] == ["staged.scored", "staged.outcomes"]


def test_each_stage_reads_what_the_one_before_writes() -> None:
    *way, _ = told(STAGED, "--partitions", "4")["stages"]

    assert [(each["stage"], each["key"]) for each in way] == [
        ("by_customer_id", "customer_id"),
        ("by_all", None),
        ("score", "terminal_id"),
    ]
    for before, after in pairwise(way):
        assert after["reads"] == before["writes"][:1]
    features = [name for each in way for name in each["features"]]
    assert sorted(features) == sorted(told(STAGED, "--partitions", "1")["stages"][0]["features"])


def test_it_says_what_several_partitions_mean() -> None:
    shown = plan(STAGED, "--partitions", "4").stdout

    assert "each of the 4 partitions of score has a model of its own" in shown
    assert "lateness=" in shown
    assert shown.index("by_customer_id") < shown.index("by_all") < shown.index("staged.scored")


def test_it_says_where_score_requests_are_put() -> None:
    shown = plan(f"{PIPELINES / 'asked.py'}:asked_twice", "--partitions", "4").stdout

    assert "answered by 2 processes" in shown
    assert "put to by_customer_id" in shown
    assert "put to" not in plan(STAGED, "--partitions", "4").stdout


def test_inputs_that_are_keyed_anew_have_a_stage_in_front_each() -> None:
    events, labels, first, *_ = told(REKEYED, "--partitions", "2")["stages"]

    assert (events["stage"], events["reads"], events["key"]) == ("rekey_events", ["rekeyed.events"], "customer_id")
    assert (labels["stage"], labels["reads"], labels["key"]) == ("rekey_labels", ["rekeyed.labels"], "customer_id")
    assert first["reads"] == [events["writes"][0], labels["writes"][0]]
    shown = plan(REKEYED, "--partitions", "1").stdout
    assert "rekey_events reads events of any key" in shown
    assert "one total order" in shown
    assert shown.index("rekeyed.v1.rekey_labels.rekeyed") < shown.index("score")


def test_so_many_partitions_that_the_definition_does_not_allow_are_a_problem() -> None:
    with pytest.raises(Problem, match="inline_per_partition"):
        plan(ONE, "--partitions", "4")
