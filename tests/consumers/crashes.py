"""Crashes and restarts at every step, enumerated from the steps of a calm life rather than listed by hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

import pytest

from consumers.buffer import Limits
from schemas.problem import Problem
from tests.consumers.process import Blow, Process, Stuck, crash
from tests.consumers.world import LIMITS, SHORT, Inline, Later, World

LARGE = Limits(interval_s=1.0, rows=50)
ONE_BY_ONE = Limits(interval_s=1.0, rows=1)
HALVED = frozenset({"commit intent", "commit position", "insert"})
EFFECTS = HALVED | {"leave"}
"""Steps that change what the servers hold: a crash at any other is a crash after the last of these."""

Law = Callable[[pytest.MonkeyPatch], Iterator[str]]
"""Gives a line for everything that is not as it must be."""


def finish(world: World, name: str, *, limits: Limits = LIMITS) -> Iterator[str]:
    """Run sinks until one has written everything, more records among it; what is broken then."""
    try:
        world.ghost.dead = True
        world.append(2)
        world.run(limits=limits)
        yield from (f"{name}: {what}" for what in world.broken())
    except (Problem, Stuck) as error:
        yield f"{name}: {error!r}"


def points(steps: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Before and after every step."""
    yield from ((number, when) for number in range(len(steps)) for when in ("before", "after"))


def crash_points(steps: Sequence[str]) -> Iterator[tuple[int, str]]:
    """What a crash can leave behind on the servers: nothing, half of a step, all of it."""
    effects = [number for number, kind in enumerate(steps) if kind in EFFECTS]
    yield effects[0], "before"
    for number in effects:
        yield from ((number, when) for when in ("torn", "after") if when == "after" or steps[number] in HALVED)


def struck(world: World, number: int, when: str) -> Process:
    return world.run(Blow(at=number, when=when, strike=crash))


def single_crashes(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """One crash, at any step."""
    steps = World(patched).run().steps
    for number, when in sorted({*points(steps), *crash_points(steps)}):
        world = World(patched)
        struck(world, number, when)
        yield from finish(world, f"crash {when} step {number}, {steps[number]}")


def pairs_of_crashes(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """A crash, and a second one at any step of the recovery from it."""
    for first in crash_points(World(patched, logs=SHORT).run().steps):
        world = World(patched, logs=SHORT)
        struck(world, *first)
        for second in crash_points(world.run().steps):
            world = World(patched, logs=SHORT)
            struck(world, *first)
            struck(world, *second)
            yield from finish(world, f"crashes {first} and {second}")


def crashes_while_inserting(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """The log is read on while ClickHouse works, a transaction is aborted meanwhile, and soon the sink is killed."""
    for number in range(len(World(patched, executor=Later).run().steps)):
        for later in range(1, 6):
            world = World(patched, executor=Later)
            soon = Blow(at=number + later, when="after", strike=crash)
            world.run(Blow(at=number, when="before", strike=world.abort, then=soon))
            yield from finish(world, f"a marker before step {number}, a crash after step {number + later}")


def changed_limits(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """The next life takes smaller bites, or larger ones."""
    for before, after in ((LARGE, ONE_BY_ONE), (ONE_BY_ONE, LARGE)):
        for number, when in crash_points(World(patched).run(limits=before).steps):
            world = World(patched)
            world.run(Blow(at=number, when=when, strike=crash), limits=before)
            yield from finish(world, f"crash {when} step {number}, then other limits", limits=after)


def stops(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """A sink is told to stop at any step, from the first on: it leaves in order, and says nothing is wrong."""
    for executor in (Inline, Later):
        for number, when in points(World(patched, executor=executor).run().steps):
            world = World(patched, executor=executor)
            name = f"stopped {when} step {number}"
            try:
                world.run(Blow(at=number, when=when, strike=world.tell_to_stop))
            except (Problem, Stuck) as error:
                yield f"{name}: {error!r}"
            else:
                yield from finish(world, name)


def lost_offsets(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """The group's offsets are gone: it says so, each time it is started, and doubles nothing."""
    world = World(patched)
    world.run()
    world.append(2)
    world.cluster.committed.clear()
    for life in range(3):
        with suppress(Problem):
            world.run(limits=LARGE)
            yield f"offsets were lost, and life {life} went on"
        yield from (f"offsets were lost: {what}" for what in world.broken() if "too often" in what)
