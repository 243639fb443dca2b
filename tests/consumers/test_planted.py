"""A sink without one of its protections does not pass the crash suite."""

import logging
from itertools import chain

import pytest

from tests.consumers.crashes import LAWS
from tests.consumers.planted import PLANTED, Plant


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="consumers")


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    found = chain.from_iterable(law(monkeypatch) for law in LAWS)

    assert next(found, None) is not None
