"""Work that can be left after each slice of it, so that others have their turn in between."""

import asyncio
from collections.abc import Generator
from time import monotonic
from typing import TypeVar

T = TypeVar("T")
Slices = Generator[None, None, T]
"""Yields between slices, and returns what they have come to."""

TURN_S = 0.002
"""How long others wait for their turn, where no slice takes longer."""


def at_once(slices: Slices[T]) -> T:
    """All slices, one after the other."""
    while True:
        try:
            next(slices)
        except StopIteration as end:
            found: T = end.value
            return found


async def in_turn(slices: Slices[T], rounds: int = 1) -> T:
    """All slices; what else waits for the event loop has its turn every `TURN_S`, for so many rounds of the loop.

    What takes several rounds, as a request to another worker does, would otherwise take a turn of all tasks for each.
    """
    began_s = monotonic()
    while True:
        try:
            next(slices)
        except StopIteration as end:
            found: T = end.value
            return found
        if monotonic() - began_s >= TURN_S:
            for _ in range(rounds):
                await asyncio.sleep(0)
            began_s = monotonic()
