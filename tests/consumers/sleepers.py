"""Sinks that fall asleep at any step, and wake up when their partitions have changed hands."""

from collections.abc import Callable, Iterator
from functools import partial

import pytest

from consumers.buffer import Limits
from schemas.problem import Problem
from tests.consumers.crashes import EFFECTS, ONE_BY_ONE, crash_points, finish, points, struck
from tests.consumers.fake_kafka import Member
from tests.consumers.process import Blow, Stuck, crash
from tests.consumers.world import LIMITS, SHORT, WINDOW, Later, World

NIGHT_S = 3_600.0


def sleepers(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """A sink falls asleep at any step; another takes all, writes it and leaves; the first wakes up and goes on."""
    for number, when in points(World(patched).run().steps):
        world = World(patched)
        yield from _slept(world, number, when, partial(_others, world, LIMITS, 4))


def long_sleepers(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """Asleep until ClickHouse has forgotten the tokens of that time; but for one that sleeps inside its insert."""
    steps = World(patched).run().steps
    for number, when in points(steps):
        if (steps[number], when) != ("insert", "before"):
            world = World(patched)
            yield from _slept(world, number, when, partial(_others, world, ONE_BY_ONE, 2 * WINDOW))


def sleepers_and_crashes(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """The sink that takes over from a sleeper crashes; the sleeper wakes up before anybody else comes."""
    steps = World(patched, logs=SHORT).run().steps
    for number, when in points(steps):
        for second in crash_points(steps) if steps[number] in EFFECTS else ():
            world = World(patched, logs=SHORT)
            yield from _slept(world, number, when, partial(_crashing, world, second))


def sleepers_that_crash(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """A sleeper wakes up, goes on for a few steps, and is killed."""
    steps = World(patched, logs=SHORT).run().steps
    for number, when in points(steps):
        for later in range(1, 9) if steps[number] in EFFECTS else ():
            world = World(patched, logs=SHORT)
            yield from _slept(world, number, when, partial(_others, world, LIMITS, 4), crash_after=later)


def rebalances(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """The partitions change hands at any step, back to the same sink or half of them to one that never reads."""
    for number, when in points(World(patched, executor=Later).run().steps):
        for ghosts in range(2):
            world = World(patched, executor=Later)
            yield from _slept(world, number, when, partial(_turn, world, ghosts))


def _slept(
    world: World, number: int, when: str, strike: Callable[[], None], *, crash_after: int | None = None
) -> Iterator[str]:
    name = f"asleep {when} step {number}"
    second = None if crash_after is None else Blow(at=number + crash_after, when="after", strike=crash)
    try:
        life = world.run(Blow(at=number, when=when, strike=strike, then=second))
    except (Problem, Stuck) as error:
        yield f"{name}: {error!r}"
    else:
        yield from finish(world, f"{name}, {life.steps[number]}")


def _others(world: World, limits: Limits, records: int) -> None:
    world.clock.advance(NIGHT_S)
    world.append(records)
    world.run(limits=limits)


def _crashing(world: World, at: tuple[int, str]) -> None:
    world.append(1)
    struck(world, *at)


def _turn(world: World, ghosts: int) -> None:
    for _ in range(ghosts):
        Member(world.cluster, world.ghost).subscribe([], on_assign=_nothing, on_revoke=_nothing, on_lost=_nothing)
    world.cluster.turn()


def _nothing(*_: object) -> None:
    return None
