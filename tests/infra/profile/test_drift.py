"""A planted change is named with its day; where nothing changes nothing is."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from infra.profile.column import column
from infra.profile.drift import drift
from infra.profile.periods import AT_LEAST, UNITS, Periods, periods
from streams.monitor.stability import distance
from tests.infra.profile.events import DAY_MS, DAYS, HOUR_MS, START_MS, Draw, field, found

CHANGED = datetime.fromtimestamp(START_MS / 1000, UTC) + timedelta(days=DAYS // 2)


def test_a_number_that_doubles_is_named_with_its_day() -> None:
    events = Draw()
    amounts = np.asarray(events.columns["amount"])
    events.columns["amount"] = pa.array(np.where(events.later, 2.0 * amounts, amounts))
    profile = events.profile()

    changes = found(profile, "drift")
    assert list(changes) == ["amount"]
    assert changes["amount"].severity == "serious"
    told = field(profile, "amount").drift
    assert told is not None
    assert told.crossed == CHANGED
    assert told.stability > 0.25


def test_a_category_that_moves_and_a_new_one_are_named() -> None:
    events = Draw()
    channels = events.columns["channel"].to_pylist()
    events.columns["channel"] = pa.array(
        ["kiosk" if late and n % 3 == 0 else c for n, (c, late) in enumerate(zip(channels, events.later, strict=True))]
    )
    profile = events.profile()

    told = field(profile, "channel").drift
    assert told is not None
    assert told.crossed == CHANGED
    assert told.chi2_p is not None
    assert told.chi2_p < 1e-9
    later = events.at_ms >= START_MS + 7 * DAY_MS
    kiosk = np.array(events.columns["channel"].to_pylist()) == "kiosk"
    assert told.new_share == pytest.approx(kiosk.sum() / later.sum())
    assert [each.text for each in profile.findings if "the reference never had" in each.text]


def test_a_field_that_goes_missing_is_named() -> None:
    events = Draw()
    gone = events.later & (events.draw.random(events.rows) < 0.7)
    events.columns["age"] = pa.array(np.asarray(events.columns["age"]), mask=gone)

    changes = found(events.profile(), "drift")
    assert "“missing”" in changes["age"].text


def test_labels_that_are_late_are_no_drift_but_labels_that_change_are() -> None:
    events = Draw()
    events.known = ~events.later
    assert found(events.profile(), "drift") == {}
    events.known = np.ones(events.rows, dtype=bool)
    events.fraud = events.fraud | (events.later & (events.draw.random(events.rows) < 0.4))
    events.columns = {name: events.columns[name] for name in ("event_id", "at")}

    assert list(found(events.profile(), "drift")) == ["fraud"]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("rows", [1_200, 5_000, 20_000])
def test_clean_events_do_not_drift(rows: int, seed: int) -> None:
    assert found(Draw(rows, seed).profile(), "drift") == {}


def test_hours_of_the_day_are_no_drift() -> None:
    events = Draw()
    hour = (events.at_ms // HOUR_MS) % 24
    events.columns["warmth"] = pa.array(10.0 + 8.0 * np.sin(hour / 24 * 2 * np.pi))

    assert found(events.profile(), "drift") == {}


def test_figures_are_those_of_their_definitions() -> None:
    events = Draw(6_000)
    raw = pa.chunked_array([events.columns["channel"]])
    cut = periods(events.at_ms, np.ones(events.rows, dtype=bool))
    assert cut is not None
    told = drift(column("channel", raw), cut)
    assert told is not None

    values = ("web", "shop", "phone")
    of = [[int(((raw.to_numpy() == v) & (cut.of == p)).sum()) for v in values] for p in range(cut.count)]
    reference = np.sum(of[: cut.reference], axis=0)
    expected = [distance(np.array(each), reference).value for each in of[cut.reference :]]
    assert [each.stability for each in told.moments[cut.reference :]] == pytest.approx(expected)
    assert told.stability == pytest.approx(max(expected))
    assert [each.stability for each in told.moments[: cut.reference]] == [None] * cut.reference
    assert told.moments[0].shares["web"] == pytest.approx(of[0][0] / sum(of[0]))


def test_the_distance_of_kolmogorov_and_smirnov_is_the_widest_gap() -> None:
    events = Draw(3_000)
    raw = pa.chunked_array([events.columns["amount"]])
    cut = periods(events.at_ms, np.ones(events.rows, dtype=bool))
    assert cut is not None
    told = drift(column("amount", raw), cut)
    assert told is not None

    amounts, before = raw.to_numpy(), cut.of < cut.reference
    gaps = [abs((amounts[before] <= at).mean() - (amounts[~before] <= at).mean()) for at in amounts]
    assert told.ks == pytest.approx(max(gaps))


@pytest.mark.parametrize(
    ("span_ms", "rows", "unit"),
    [
        (2 * HOUR_MS, 20_000, "ten minutes"),
        (20 * HOUR_MS, 20_000, "hour"),
        (4 * DAY_MS, 30_000, "day"),
        (20 * DAY_MS, 20_000, "day"),
        (28 * DAY_MS, 2_100, "week"),
        (20 * DAY_MS, 1_500, "part"),
        (120 * DAY_MS, 20_000, "week"),
        (400 * DAY_MS, 60_000, "week"),
        (4 * DAY_MS, 1_100, "part"),
    ],
)
def test_time_is_cut_so_that_periods_can_be_compared(span_ms: int, rows: int, unit: str) -> None:
    at_ms = START_MS + np.linspace(0, span_ms - 1, rows).astype(np.int64)
    cut = periods(at_ms, np.ones(rows, dtype=bool))

    assert cut is not None
    assert cut.unit == unit
    assert 0 < cut.reference < cut.count <= 60
    assert all(low <= at < high for at, (low, high) in zip(at_ms, _bounds(cut), strict=True))
    if cut.unit in UNITS:
        assert {high - low for low, high in pairwise(cut.starts_ms.tolist())} == {UNITS[cut.unit]}


def _bounds(cut: Periods) -> list[tuple[int, int]]:
    ends = [*cut.starts_ms.tolist()[1:], 2**62]
    pairs = list(zip(cut.starts_ms.tolist(), ends, strict=True))
    return [pairs[place] for place in cut.of]


def test_too_few_events_are_not_compared() -> None:
    rows = 2 * AT_LEAST - 1

    assert periods(START_MS + np.arange(rows) * HOUR_MS, np.ones(rows, dtype=bool)) is None
    assert periods(np.full(5_000, START_MS), np.ones(5_000, dtype=bool)) is None
