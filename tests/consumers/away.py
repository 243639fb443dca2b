"""A ClickHouse that is away, busy, mute, late or slow, from any insert on."""

from collections.abc import Callable, Iterator

import pytest

from tests.consumers.crashes import finish, struck
from tests.consumers.fake_clickhouse import Fault, Server
from tests.consumers.world import World

FAULTS: dict[str, tuple[Callable[[Server], Fault], int]] = {
    "refused": (lambda server: server.refuse, 1),
    "busy": (lambda server: server.busy, 1),
    "away": (lambda server: server.refuse, 12),
    "mute": (lambda server: server.mute, 2),
    "late": (lambda server: server.late, 2),
    "slow": (lambda server: server.slow, 3),
}


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
