"""Folding may not quietly become dearer: bytecodes and calls per record stay within 5 % of those that are stored."""

import json
from typing import Any

import pytest

from streams.ladder import Ladder
from tests.bench.counted import STORED, Counts, counted

TOLERANCE = 0.05
NAMED = 5


def dearer(now: Counts, stored: Counts, what: str) -> str | None:
    """What to say where `what` has grown too far, None where it has not."""
    before, after = stored[what], now[what]
    if after["all"] <= (1 + TOLERANCE) * before["all"]:
        return None
    grown = sorted(after.keys() - {"all"}, key=lambda place: before.get(place, 0.0) - after[place])[:NAMED]
    where = ", ".join(f"{place} {before.get(place, 0.0):g} to {after[place]:g}" for place in grown)
    return (
        f"{what} per record: {before['all']:g} to {after['all']:g}, most in {where}. "
        f"If that is what it has to cost: python -m tests.bench.counted > {STORED.name}, in tests/bench"
    )


@pytest.fixture(scope="module")
def stored() -> Counts:
    found: Counts = json.loads(STORED.read_text())
    return found


@pytest.fixture(scope="module")
def now(stored: Counts) -> Counts:
    found = counted()
    if found["python"] != stored["python"]:
        pytest.skip(f"the stored counts are of Python {stored['python']}, this is {found['python']}")
    return found


@pytest.mark.parametrize("what", ["bytecodes", "calls"])
def test_a_record_costs_what_it_did(what: str, now: Counts, stored: Counts) -> None:
    said = dearer(now, stored, what)

    assert said is None, said


def test_a_call_that_is_made_again_and_again_is_noticed(now: Counts, monkeypatch: pytest.MonkeyPatch) -> None:
    once = Ladder.answer

    def often(self: Ladder, *given: Any) -> Any:
        said = [once(self, *given) for _ in range(9)]
        return said[0]

    monkeypatch.setattr(Ladder, "answer", often)
    found = counted()

    assert found["bytecodes"]["streams/ladder.py"] > now["bytecodes"]["streams/ladder.py"]
    assert "streams/ladder.py" in str(dearer(found, now, "bytecodes"))
