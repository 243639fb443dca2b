"""What a task that was rebuilt may not take for granted."""

from tests.simulation.world import World
from tests.streams.builders import EVENTS, LABELS


def test_a_rebuilt_task_waits_until_it_knows_where_every_input_ends() -> None:
    world = World(0)
    owned = world.own()
    partitions = {topic: world.log.partition(topic) for topic in (EVENTS, LABELS)}
    for topic, partition in partitions.items():
        assert owned.deliver(world.cut(topic, 0, partition.stable // 2))
    assert owned.advance()

    rebuilt = world.own()
    assert rebuilt.refolded > 0
    events = rebuilt.task.merge.inputs[EVENTS]
    assert rebuilt.deliver(world.cut(EVENTS, events.fetched, partitions[EVENTS].stable))

    assert not rebuilt.advance()
    assert rebuilt.task.merge.blocked
