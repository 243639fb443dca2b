"""Each monitor against a planted defect: what must fire, within how many windows, and what must stay quiet."""

from typing import Any, NamedTuple, cast

import pytest
from msgspec.structs import replace

from streams.monitor.definition import DAY_MS, Monitor
from streams.stage import Record
from tests.streams.monitor.rows import HOUR_MS, START_MS, Story, alerts, fold, metrics


class Planted(NamedTuple):
    """`subject` must be alerted of by `monitor` within `windows` closed windows; `may` are allowed beside it."""

    defect: str
    size: float
    monitor: str
    subject: str
    windows: int
    may: tuple[str, ...] = ()
    days: int = 4


TABLE = (
    Planted("amount", 2.0, "stability", "amount", 4),
    Planted("amount", 1.6, "stability", "amount", 12),
    Planted("missing", 0.3, "stability", "amount", 4),
    Planted("constant", 1.0, "stability", "amount", 4),
    Planted("flag", 1.0, "stability", "night", 6),
    Planted("score", 3.0, "stability", "score", 6, may=("error",)),
    Planted("risk", 3.0, "adwin", "error", 8, days=5),
)
SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.defect}-{row.size:g}")
def test_a_planted_defect_is_found_in_time_and_nothing_else_is(row: Planted, seed: int) -> None:
    labelled = 0.95 if "error" in (row.subject, *row.may) else 0.0
    story = Story(seed=seed, defect=row.defect, size=row.size, days=row.days, labelled=labelled)
    emitted, _ = fold(story.records())
    begin_ms = START_MS + story.day * DAY_MS
    found = alerts(emitted)
    ends = [metric.window_end_ms for metric in metrics(emitted, "amount") if metric.window_end_ms > begin_ms]
    subjects = [(alert.monitor, alert.subject) for alert in found if alert.subject not in row.may]

    assert subjects == [(row.monitor, row.subject)]
    assert all(alert.event_time_ms > begin_ms for alert in found)
    first = next(alert for alert in found if alert.subject == row.subject)
    assert first.event_time_ms <= ends[row.windows - 1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_calm_stream_with_a_daily_rhythm_stays_quiet(seed: int) -> None:
    emitted, state = fold(Story(seed=100 + seed, days=5).records())

    assert alerts(emitted) == []
    assert len(metrics(emitted, "hour")) > 60
    assert state.counts["scored.late"] == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_a_calm_stream_of_few_events_stays_quiet(seed: int) -> None:
    emitted, _ = fold(Story(seed=200 + seed, days=14, per_day=2_500, label_delay_ms=3 * DAY_MS).records())
    compared = [metric for metric in metrics(emitted, "amount") if "distance" in metric.values]

    assert alerts(emitted) == []
    assert len(compared) > 40
    assert all(metric.count + metric.missing >= 500 for metric in compared)


def test_a_drift_that_goes_away_and_comes_again_is_told_twice() -> None:
    drift = _days(Story(defect="amount", size=2.0, days=3, day=2).records(), 0, 3)
    calm = _days(Story(seed=1, days=1).records(), 0, 1)
    again = _days(Story(seed=2, defect="amount", size=2.0, days=1, day=0).records(), 0, 1)
    emitted, _ = fold(drift + _later(calm, 3) + _later(again, 4))

    assert [alert.subject for alert in alerts(emitted)] == ["amount", "amount"]


def test_nothing_is_compared_before_the_warm_up_and_the_reference_have_passed() -> None:
    emitted, _ = fold(Story(per_day=6_000, labelled=0.0).records(), Monitor(at_least=100, warmup="1d"))
    compared = [metric for metric in metrics(emitted, "amount") if metric.bins]

    first_ms = min(metric.window_start_ms for metric in compared)

    assert START_MS + 2 * DAY_MS + HOUR_MS <= first_ms < START_MS + 2 * DAY_MS + 6 * HOUR_MS


def _days(records: list[Record], first: int, end: int) -> list[Record]:
    low, high = START_MS + first * DAY_MS, START_MS + end * DAY_MS
    return [record for record in records if low <= record.timestamp_ms < high and record.role == "scored"]


def _later(records: list[Record], days: int) -> list[Record]:
    return [
        replace(
            record,
            timestamp_ms=record.timestamp_ms + days * DAY_MS,
            value=cast("dict[str, Any]", record.value) | {"event_time_ms": record.timestamp_ms + days * DAY_MS},
        )
        for record in records
    ]
