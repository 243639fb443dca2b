"""Where a monitor says that it stands."""

from streams.monitor.definition import Monitor
from streams.monitor.stage import MonitorStage
from tests.streams.monitor.rows import FEATURES, Story, fold, metrics, watched


def test_a_monitor_that_has_seen_nothing_stands_nowhere() -> None:
    state = MonitorStage(watched(), Monitor()).initial(0)

    assert list(state.gauges) == []


def test_a_monitor_stands_where_its_last_windows_left_it() -> None:
    emitted, state = fold(Story(defect="amount", size=2.0).records())
    stands = {(monitor, subject): value for monitor, subject, value in state.gauges}

    assert set(stands) == {("adwin", "error"), *(("stability", subject) for subject in (*FEATURES, "score"))}
    assert stands["stability", "amount"] == metrics(emitted, "amount")[-1].values["distance"] > Monitor().stability
    assert stands["stability", "ratio"] < Monitor().stability
    assert 0.0 < stands["adwin", "error"] < 1.0
