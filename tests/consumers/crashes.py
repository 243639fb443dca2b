"""Every way in which a sink is struck, enumerated from the steps of a calm life rather than listed by hand."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial

import pytest

from consumers.buffer import Limits
from schemas.problem import Problem
from tests.consumers.fake_clickhouse import Fault, Server
from tests.consumers.fake_kafka import Member
from tests.consumers.process import Blow, Process, Stuck, crash
from tests.consumers.world import LIMITS, SHORT, WINDOW, Later, World

NIGHT_S = 3_600.0
LARGE = Limits(interval_s=1.0, rows=50)
ONE_BY_ONE = Limits(interval_s=1.0, rows=1)
HALVED = frozenset({"commit intent", "commit position", "insert"})
EFFECTS = HALVED | {"leave"}
"""Steps that change what the servers hold: a crash at any other is a crash after the last of these."""

FAULTS: dict[str, tuple[Callable[[Server], Fault], int]] = {
    "refused": (lambda server: server.refuse, 1),
    "busy": (lambda server: server.busy, 1),
    "away": (lambda server: server.refuse, 12),
    "mute": (lambda server: server.mute, 2),
    "late": (lambda server: server.late, 2),
    "slow": (lambda server: server.slow, 3),
}
Law = Callable[[pytest.MonkeyPatch], Iterator[str]]


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
    for number, when in {*points(steps), *crash_points(steps)}:
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


def faults(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """ClickHouse is away, busy, mute, late or slow from any insert on."""
    inserts = World(patched).run().steps.count("insert")
    for name, (fault, times) in FAULTS.items():
        for number in range(inserts):
            world = World(patched)
            world.server.faults.extend([lambda work: work()] * number + [fault(world.server)] * times)
            yield from finish(world, f"{name} from insert {number} on")


def faults_and_crashes(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """An answer does not come, and the sink is killed; what was on its way arrives before, or after, or in between."""
    steps = World(patched).run().steps
    for name in ("mute", "late"):
        for number in [n for n, kind in enumerate(steps) if kind == "insert"]:
            for second in range(number, number + 3):
                world = World(patched)
                calm = steps[:number].count("insert")
                world.server.faults.extend([lambda work: work()] * calm + [FAULTS[name][0](world.server)])
                struck(world, second, "after" if name == "mute" else "before")
                yield from finish(world, f"{name} at step {number}, crash at {second}")


def sleepers_that_crash(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """A sleeper wakes up, goes on for a few steps, and is killed."""
    steps = World(patched, logs=SHORT).run().steps
    for number, when in points(steps):
        for later in range(1, 9) if steps[number] in EFFECTS else ():
            world = World(patched, logs=SHORT)
            yield from _slept(world, number, when, partial(_others, world, LIMITS, 4), crash_after=later)


def crashes_while_inserting(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """A crash at any step where the log is read on while ClickHouse works."""
    world = World(patched, executor=Later)
    for number, when in points(world.run().steps):
        world = World(patched, executor=Later)
        struck(world, number, when)
        yield from finish(world, f"crash {when} step {number} of a life with a thread")


def rebalances(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """The partitions change hands at any step, back to the same sink or half of them to one that never reads."""
    for number, when in points(World(patched, executor=Later).run().steps):
        for ghosts in range(2):
            world = World(patched, executor=Later)
            yield from _slept(world, number, when, partial(_turn, world, ghosts))


def changed_limits(patched: pytest.MonkeyPatch) -> Iterator[str]:
    """The next life takes smaller bites, or larger ones."""
    for before, after in ((LARGE, ONE_BY_ONE), (ONE_BY_ONE, LARGE)):
        for number, when in crash_points(World(patched).run(limits=before).steps):
            world = World(patched)
            world.run(Blow(at=number, when=when, strike=crash), limits=before)
            yield from finish(world, f"crash {when} step {number}, then other limits", limits=after)


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


def _turn(world: World, ghosts: int) -> None:
    for _ in range(ghosts):
        Member(world.cluster, world.ghost).subscribe([], on_assign=_nothing, on_revoke=_nothing, on_lost=_nothing)
    world.cluster.turn()


def _nothing(*_: object) -> None:
    return None


def _crashing(world: World, at: tuple[int, str]) -> None:
    world.append(1)
    struck(world, *at)


LAWS: tuple[Law, ...] = (
    single_crashes,
    faults,
    lost_offsets,
    changed_limits,
    crashes_while_inserting,
    faults_and_crashes,
    sleepers,
    rebalances,
    long_sleepers,
    sleepers_that_crash,
    sleepers_and_crashes,
    pairs_of_crashes,
)
