"""Samples of a stage go to the innermost file of ours, and share out the time of a record."""

import sys
from pathlib import Path

import pytest

from infra.bench import profile, samples
from infra.bench.samples import ROOT, places
from infra.demo import servers as demo
from schemas.problem import Problem

LOOP = f"<module> ({ROOT}/infra/bench/arm.py:99);run_forever (/python/asyncio/base_events.py:607)"
LEARNER = f"predict ({ROOT}/streams/learner.py:80);predict_one (/python/site-packages/river/linear.py:5)"


def test_a_sample_goes_to_the_innermost_file_of_ours_and_the_rest_to_the_event_loop() -> None:
    stacks = [
        f"{LOOP};{LEARNER} 7",
        f"{LOOP};read (/python/site-packages/aiokafka/fetcher.py:5) 2",
        f"run (/python/threading.py:5);commit ({ROOT}/streams/runtime/transactions.py:5) 3",
        f"{LOOP};{LEARNER};f ({ROOT}/.venv/lib/site-packages/river/x.py:1) 1",
    ]

    assert places(stacks) == {"streams/learner.py": 8, "event loop": 2, "streams/runtime/transactions.py": 3}


def test_what_the_bench_does_before_it_serves_is_left_out() -> None:
    assert not places([f"<module> ({ROOT}/infra/bench/arm.py:1);get ({ROOT}/schemas/registry.py:5) 9"])


def test_without_py_spy_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))

    with pytest.raises(Problem, match="py-spy is not installed"):
        samples.recorder(raw=True, written=tmp_path / "stacks")


def test_py_spy_starts_what_it_samples() -> None:
    words = samples.recorder(raw=False, written=Path("flames.svg"))

    assert Path(words[0]).parent == Path(sys.executable).parent
    assert [*words[-3:]] == ["-o", Path("flames.svg"), "--"]


@pytest.mark.servers
def test_a_profile_shares_out_the_time_of_a_record_and_draws_it(named: demo.Servers, tmp_path: Path) -> None:
    svg = tmp_path / "flames.svg"
    report = profile.run(named, tmp_path, lambda _: None, profile.Size(events=3_000, svg=svg))

    whole, *shares = [float(figure.value) for figure in report.figures]
    assert whole > 0
    assert sum(float(str(row["us"])) for row in report.series) == pytest.approx(whole)
    assert shares == sorted(shares, reverse=True)
    assert {"streams/score.py", "schemas/decode.py"} <= {row["place"] for row in report.series}
    assert svg.read_text().startswith("<?xml")
