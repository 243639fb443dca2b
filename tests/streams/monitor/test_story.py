"""The planted change of behaviour is caught soon after its day, and nothing is said before it."""

from collections.abc import Iterator

import pytest

from infra.pipelines.payments import payments
from producers.known import Kind
from producers.payments import Scenario, tell
from schemas.alert import Alert
from schemas.message import Message
from schemas.metric import Metric
from streams.runtime.bind import monitor_stage
from streams.score import ScoreStage
from streams.stage import Output, Record, Role

DAY_MS = 86_400_000
DRIFT_DAY = 48  # windows of 30 days that ended 7 days ago fill in 37; a week of reference follows
STATED_WINDOWS = 8
ROLES = {Kind.EVENT: Role.EVENTS, Kind.LABEL: Role.LABELS}


def found(scenario: Scenario) -> Iterator[Message]:
    """All that the monitor says of a story that the payments pipeline has scored."""
    score = ScoreStage(payments)
    monitor = monitor_stage(payments)
    scoring, watching = score.initial(0), monitor.initial(0)
    for time_ms, kind, told in tell(scenario):
        record = Record(ROLES[kind], kind, 0, 0, time_ms, b"", told)
        for stated in score.fold(scoring, [record]):
            assert isinstance(stated, Output)
            role = Role(stated.value.TOPIC)
            row = Record(role, role, 0, 0, time_ms, b"", stated.value.__dict__)
            yield from (each.value for each in monitor.fold(watching, [row]) if isinstance(each, Output))


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_change_of_amounts_is_caught_within_the_stated_windows_and_never_before(seed: int) -> None:
    scenario = Scenario(seed=seed, days=52, customers=400, drift_day=DRIFT_DAY, silence_days=3.0)
    drift_ms = scenario.start_ms + DRIFT_DAY * DAY_MS
    stated = list(found(scenario))
    alerts = [each for each in stated if isinstance(each, Alert)]
    caught_ms = min(each.event_time_ms for each in alerts if each.subject == "amount")
    windows = [
        each
        for each in stated
        if isinstance(each, Metric) and each.subject == "amount" and drift_ms < each.window_end_ms <= caught_ms
    ]

    assert [each for each in alerts if each.event_time_ms < drift_ms] == []
    assert len(windows) <= STATED_WINDOWS
