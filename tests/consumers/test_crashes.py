"""Whatever strikes a sink, at whatever step of its protocol: every record's row is there once."""

import logging

import pytest

from tests.consumers.away import faults, faults_and_crashes
from tests.consumers.crashes import (
    Law,
    changed_limits,
    crashes_while_inserting,
    lost_offsets,
    pairs_of_crashes,
    single_crashes,
    stops,
)
from tests.consumers.sleepers import (
    long_sleepers,
    rebalances,
    sleepers,
    sleepers_and_crashes,
    sleepers_that_crash,
)
from tests.consumers.world import World

LAWS: tuple[Law, ...] = (
    single_crashes,
    pairs_of_crashes,
    crashes_while_inserting,
    changed_limits,
    lost_offsets,
    stops,
    faults,
    faults_and_crashes,
    sleepers,
    long_sleepers,
    sleepers_that_crash,
    sleepers_and_crashes,
    rebalances,
)


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="consumers")


def test_a_calm_run_takes_every_kind_of_step(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch)

    steps = world.run().steps

    assert not world.broken()
    assert set(steps) == {
        *("join", "committed", "poll", "look", "commit intent", "insert", "commit position", "leave"),
    }


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_every_row_is_written_once(law: Law, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(law(monkeypatch)) == []
