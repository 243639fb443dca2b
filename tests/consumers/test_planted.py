"""A sink without one of its protections breaks a law."""

import logging

import pytest

from tests.consumers.crashes import Law
from tests.consumers.planted_inserts import INSERTS, Plant
from tests.consumers.planted_steps import STEPS


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="consumers")


@pytest.mark.parametrize(("plant", "law"), [*INSERTS.items(), *STEPS.items()], ids=lambda one: one.__name__)
def test_a_planted_bug_is_found(plant: Plant, law: Law, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    assert next(law(monkeypatch), None) is not None
