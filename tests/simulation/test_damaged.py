"""What was done to a log behind a task's back stops the task by name, and does not without the check for it."""

import re
from dataclasses import replace

import pytest

from schemas.problem import Problem
from streams.runtime import ledger, recovery
from streams.runtime.checkpoint import Checkpoint
from streams.runtime.owner import Owner
from tests.simulation.damages import DAMAGES, SAVED, Damage, stopped
from tests.simulation.inputs import BINDING
from tests.simulation.planting import Plant
from tests.simulation.world import World

BY_NAME = {damage.name: damage for damage in DAMAGES}
EACH = pytest.mark.parametrize("damage", [pytest.param(damage, id=damage.name) for damage in DAMAGES])
OFFSETS = (
    "an offset was moved",
    "an offset was committed by a tool",
    "an offset is gone",
    "offsets are of two entries",
    "the group has expired",
)

UNPROTECTED = [
    (
        "an input record is another one",
        Plant("", recovery._difference, "work.output_hash != entry.output_hash", "False"),
    ),
    ("an entry was changed", Plant("", ledger.check, "!= entry.head:", "== 0:")),
    ("an entry was sealed anew", Plant("", recovery.agree, "last.head != told.head", "False")),
    ("an entry was cut out", Plant("", ledger.check, "before is None", "True")),
    ("an entry was added", Plant("", recovery.agree, "last.seq > told.seq", "False")),
    ("the last entry is gone", Plant("", recovery.agree, "entries[-1].seq < told.seq", "False")),
    ("an offset was moved", Plant("", recovery.agree, "mark.offset != last.ends[topic]", "False")),
    ("an offset is gone", Plant("", recovery.beside, "len(found) < len(marks)", "False")),
    ("offsets are of two entries", Plant("", recovery.beside, "len(told) > 1 or", "")),
    ("the group has expired", Plant("", Owner._begin, "any(run.records", "any(()")),
    ("a saved value is gone", Plant("", Checkpoint._compare, "self.values != manifest.values", "False")),
    ("an input was created anew", Plant("", recovery.require_genesis, 'then["id"] != now.topic_id', "False")),
    ("what comes next has expired", Plant("", recovery.require_there, "mark.offset < low", "False")),
]


def stops(world: World, damage: Damage) -> bool:
    """Whether the next owner stops with the words of this damage."""
    damage.done(world)
    try:
        world.own()
    except Problem as problem:
        return re.search(damage.told, str(problem)) is not None
    except (AssertionError, KeyError, IndexError, StopIteration):
        return False
    return False


def test_an_undamaged_task_is_taken() -> None:
    world = stopped()

    assert world.own().refolded > 0
    world.run()


@EACH
def test_damage_stops_a_task_by_name(damage: Damage) -> None:
    world = stopped()
    damage.done(world)

    with pytest.raises(Problem, match=damage.told):
        world.own()


@pytest.mark.parametrize(("name", "plant"), [pytest.param(*each, id=each[0]) for each in UNPROTECTED])
def test_without_its_check_damage_is_not_named(name: str, plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stops(stopped(), BY_NAME[name])

    plant.put(monkeypatch)

    assert not stops(stopped(), BY_NAME[name])


def test_another_definition_stops_a_task_by_name() -> None:
    world = stopped()

    parts = {"feature new": "1", **dict(list(BINDING.parts.items())[1:]), "late": "2"}
    first = next(iter(BINDING.parts))
    told = f"was folded by definition {BINDING.digest}, .* feature new is new; {first} is gone; late is changed"

    with pytest.raises(Problem, match=told):
        Owner(binding=replace(BINDING, digest="another", parts=parts), kafka=world.client, clock=world.clock).own(0)


def test_a_ledger_that_was_cut_off_is_not_repaired() -> None:
    world = stopped()
    BY_NAME["the last entry is gone"].done(world)
    before = dict(world.log.offsets)

    with pytest.raises(Problem, match="cut off"):
        Owner(binding=BINDING, kafka=world.client, clock=world.clock).repair(0)

    assert world.log.offsets == before


def test_a_ledger_that_ends_before_its_state_is_not_repaired() -> None:
    world = stopped()
    ledger_of = world.log.partition(BINDING.ledger.topic)
    for offset in [record.offset for record in ledger_of.read(0, ledger_of.high)][SAVED:]:
        ledger_of.slots = [slot for slot in ledger_of.slots if slot.offset != offset]
    BY_NAME["the group has expired"].done(world)

    with pytest.raises(Problem, match=f"its state with entry {SAVED}: it was cut off"):
        Owner(binding=BINDING, kafka=world.client, clock=world.clock).repair(0)


@pytest.mark.parametrize("name", OFFSETS)
def test_offsets_that_were_repaired_lead_to_the_calm_end(name: str) -> None:
    world = stopped()
    BY_NAME[name].done(world)
    world.log.committed = lambda _: None

    entry = Owner(binding=BINDING, kafka=world.client, clock=world.clock).repair(0)

    assert entry == world.watcher.last
    world.log.committed = world.watcher.committed
    world.run()
