"""Each bench runs at a tiny size on real servers, and notices a planted loss. No figure is judged here."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.bench import (
    eos,
    freshness,
    guarantees,
    latency,
    recovery,
    requests,
    rounds,
    scale,
    sink,
    soak,
    throughput,
)
from infra.bench.arm import ExactlyOnce
from infra.bench.hand_arm import Hand, HandTransactional
from infra.bench.report import Report, Verdict
from infra.bench.stream import Stream
from infra.demo import servers as demo
from tests.infra.bench.losing import Losing

pytestmark = pytest.mark.servers

ANY_S = 60.0
"""A load may be late here: what is timed is not judged."""


def quiet(_: str) -> None:
    """Say nothing."""


def figures_of(report: Report) -> dict[str, Any]:
    """What `--json` says of the figures."""
    figures: dict[str, Any] = json.loads(json.dumps(report.as_json()))["figures"]
    return figures


def test_guarantees_compares_two_runs_with_equal_outputs(named: demo.Servers, tmp_path: Path) -> None:
    report = guarantees.run(named, tmp_path, quiet, rounds.Size(events=4_000, pairs=1))

    assert report.void == []
    assert {"ratio_wall", "ratio_cpu", "exactly_once", "at_least_once"} <= set(figures_of(report))
    assert len(report.series) == 2


def test_one_lost_output_makes_guarantees_void(named: demo.Servers, tmp_path: Path) -> None:
    size = rounds.Size(events=3_000, pairs=1)
    report = guarantees.run(named, tmp_path, quiet, size, arms=(ExactlyOnce, Losing))

    assert report.verdict is Verdict.VOID
    assert any("holds 2,999 of 3,000 events" in reason for reason in report.void)


def test_the_hand_loop_writes_what_millrace_writes_byte_for_byte(named: demo.Servers, tmp_path: Path) -> None:
    arms = (ExactlyOnce, Hand, HandTransactional)
    report = throughput.run(named, tmp_path, quiet, rounds.Size(events=4_000, pairs=1), arms=arms)
    figures = figures_of(report)

    assert report.void == []
    assert figures["ratio_hand"]["least"] == 0.9
    assert [row["run"] for row in report.series] == ["run 2 (ExactlyOnce)", "run 3 (Hand)", "run 4 (HandTransactional)"]


def test_latency_is_that_of_both_at_the_same_rates(named: demo.Servers, tmp_path: Path) -> None:
    size = latency.Size(rates=(20,), seconds=2.0, warm_s=0.5, visits=1, search_s=0.0, idle_s=0.1, late_ms=ANY_S * 1_000)
    report = latency.run(named, tmp_path, quiet, size)
    figures = figures_of(report)

    assert report.void == []
    assert figures["sender_late_p99_at_20"]["value"] > 0.0
    assert 0.0 < figures["p50_at_20"]["value"] <= figures["p99_at_20"]["value"] <= figures["p99.9_at_20"]["value"]
    assert figures["hand_p99_at_20"]["value"] > 0.0
    assert figures["ratio_p99_at_20"]["most"] == 1.5
    assert figures["first_after_idle"]["most"] == 1_000.0


def test_freshness_is_told_of_every_label(named: demo.Servers, tmp_path: Path) -> None:
    size = freshness.Size(rate_per_s=50, seconds=2.0, warm_s=0.5, late_ms=ANY_S * 1_000)
    report = freshness.run(named, tmp_path, quiet, size)
    figures = figures_of(report)

    assert report.void == []
    assert 90 <= int(str(report.load["labels"])) <= 100, "the last one is seen only where a score comes behind it"
    assert 0.0 < figures["p50"]["value"] <= figures["p99"]["value"]
    assert figures["p99"]["most"] == 50.0


def test_scores_are_found_in_clickhouse_behind_the_readers(named: demo.Servers, tmp_path: Path) -> None:
    size = sink.Size(backlog=2_000, rate_per_s=50, seconds=2.0, warm_s=0.5, late_ms=ANY_S * 1_000)
    report = sink.run(named, tmp_path, quiet, size)
    figures = figures_of(report)

    assert report.void == []
    assert 0.0 < figures["p50"]["value"] <= figures["p99"]["value"]
    assert figures["p99"]["most"] == 2_000.0
    assert figures["backlog"]["value"] > 0.0


def test_nothing_is_lost_where_the_process_falls(named: demo.Servers, tmp_path: Path) -> None:
    report = eos.run(named, tmp_path, quiet, eos.Size(events=4_000, kills=1))
    figures = figures_of(report)

    assert report.verdict is Verdict.PASS
    assert {name: figure["value"] for name, figure in figures.items()} == {"lost": 0, "doubled": 0, "differing": 0}


def test_two_workers_are_measured_beside_one(named: demo.Servers, tmp_path: Path) -> None:
    report = scale.run(named, tmp_path, quiet, scale.Size(events=4_000, workers=(1, 2)))
    figures = figures_of(report)

    assert [reason for reason in report.void if "were left" not in reason] == []
    assert figures["two_workers"]["least"] == 1.7
    assert [row["workers"] for row in report.series] == [1, 2]


def test_recovery_tells_the_whole_and_its_parts(named: demo.Servers, tmp_path: Path) -> None:
    report = recovery.run(
        named, tmp_path, quiet, recovery.Size(keys=1_000, label_after=500, rate_per_s=50, late_s=ANY_S)
    )
    figures = figures_of(report)

    assert report.void == []
    assert list(figures) == ["killed_to_caught_up", "started", "joined", "state_read", "folded_again", "caught_up"]
    assert figures["killed_to_caught_up"]["most"] == 10.0


def test_requests_are_timed_beside_a_load(named: demo.Servers, tmp_path: Path) -> None:
    report = requests.run(
        named, tmp_path, quiet, requests.Size(seconds=2.0, asked_per_s=20, rate_per_s=50, late_s=ANY_S)
    )
    figures = figures_of(report)

    assert report.void == []
    told = ["p50", "p99", "p99.9", "longest", "refused"]
    assert list(figures) == [*told, *(f"{each}_in_two_stages" for each in told)]
    assert figures["refused"]["value"] == figures["refused_in_two_stages"]["value"] == 0


def test_soak_prints_a_series_of_each_stage(named: demo.Servers, tmp_path: Path) -> None:
    stream = Stream(label_after=1_000)
    size = soak.Size(minutes=0.1, every_s=1.0, ahead=2_000, load=0.5, trial_s=2.0, stream=stream)
    report = soak.run(named, tmp_path, quiet, size)

    assert report.void == []
    assert {row["process"] for row in report.series} == {"score", "monitor"}
    assert {"score_memory_growth", "monitor_threads_growth"} <= set(figures_of(report))
