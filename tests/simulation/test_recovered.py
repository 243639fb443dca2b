"""What a task that is taken may not take for granted."""

import pytest

from schemas.problem import Problem
from streams.runtime.ports import Fenced
from tests.simulation.faults import Effect, Fault
from tests.simulation.inputs import BINDING
from tests.simulation.world import World
from tests.streams.builders import EVENTS, LABELS


def test_a_rebuilt_task_waits_until_it_knows_where_every_input_ends() -> None:
    world = World(0)
    owned = world.own()
    partitions = {topic: world.log.partition(topic) for topic in (EVENTS, LABELS)}
    for topic, partition in partitions.items():
        assert owned.deliver(world.arrivals.cut(topic, 0, partition.stable // 2))
    assert owned.advance()

    rebuilt = world.own()
    assert rebuilt.refolded > 0
    events = rebuilt.task.merge.inputs[EVENTS]
    assert rebuilt.deliver(world.arrivals.cut(EVENTS, events.fetched, partitions[EVENTS].stable))

    assert not rebuilt.advance()
    assert rebuilt.task.merge.blocked


@pytest.mark.parametrize(("step", "batches"), [("bounds", 0), ("read ledger", 0), ("read ledger", 1)])
def test_who_is_overtaken_while_it_takes_a_task_is_told_so(step: str, batches: int) -> None:
    world = World(0)
    for _ in range(batches):
        _go_on(world)
    world.plan.faults.append(Fault(step, Effect.STOLEN_BEFORE))
    world.plan.steal = lambda: _go_on(world)

    with pytest.raises(Fenced):
        _go_on(world)


def test_a_group_that_has_expired_stops_the_task_by_name() -> None:
    world = World(0)
    _go_on(world)
    world.log.expire_group(BINDING.group)

    with pytest.raises(Problem, match="as when a group expires"):
        world.own()


def _go_on(world: World) -> None:
    owned = world.own()
    for topic in BINDING.topics:
        start = owned.task.merge.inputs[topic].fetched
        owned.deliver(world.arrivals.cut(topic, start, start + 10))
    owned.advance()
