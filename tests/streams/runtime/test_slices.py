"""Work in slices lets others have their turn, for as many rounds of the event loop as it is told."""

import asyncio

import pytest

from streams.runtime import slices
from streams.runtime.slices import Slices, in_turn


@pytest.mark.parametrize("rounds", [1, 4])
def test_others_have_so_many_rounds_between_slices(monkeypatch: pytest.MonkeyPatch, rounds: int) -> None:
    monkeypatch.setattr(slices, "TURN_S", 0.0)
    had = 0

    def work() -> Slices[list[int]]:
        seen = [had]
        for _ in range(3):
            yield
            seen.append(had)
        return seen

    async def other() -> None:
        nonlocal had
        while True:
            await asyncio.sleep(0)
            had += 1

    async def both() -> list[int]:
        running = asyncio.create_task(other())
        await asyncio.sleep(0)
        try:
            return await in_turn(work(), rounds)
        finally:
            running.cancel()

    assert asyncio.run(both()) == [0, rounds, 2 * rounds, 3 * rounds]
