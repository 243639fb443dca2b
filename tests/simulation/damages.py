"""What people, tools and disks do to a log behind a task's back; each with the words in which the task must stop."""

from collections.abc import Callable
from typing import Any, NamedTuple

from schemas.decode import own_decoder
from schemas.ledger import Entry
from schemas.scored import Scored
from streams.runtime import ledger
from streams.runtime.ports import Mark
from tests.simulation.inputs import BINDING, REGISTRY, TAP
from tests.simulation.partition import Partition, Slot
from tests.simulation.world import World
from tests.streams.builders import EVENTS, LABELS, Tap

LEDGER, STATE = BINDING.ledger.topic, BINDING.state_topic
_scored = own_decoder(Scored, REGISTRY)
BATCHES = 5
SAVED = 2
"""The batch that saves the state; the ones behind it are folded again."""


class Damage(NamedTuple):
    """What is done, and what the task says."""

    name: str
    done: Callable[[World], None]
    told: str


def stopped() -> World:
    """A worker that died after some batches."""
    world = World(0)
    owned = world.own()
    for batch in range(1, BATCHES + 1):
        world.clock.now_s = float(batch >= SAVED)
        for topic in BINDING.topics:
            start = owned.task.merge.inputs[topic].fetched
            owned.deliver(world.arrivals.cut(topic, start, start + 5))
        assert owned.advance()
    assert owned.told.checkpoint == SAVED
    return world


def _last(world: World) -> Entry:
    assert world.watcher.last is not None
    return world.watcher.last


def _offsets(partition: Partition) -> list[int]:
    return [record.offset for record in partition.read(0, partition.high)]


def _change(partition: Partition, offset: int, **changed: Any) -> None:
    partition.slots = [
        Slot(s.offset, s.record._replace(**changed), s.fate) if s.offset == offset and s.record else s
        for s in partition.slots
    ]


def _cut(partition: Partition, offset: int) -> None:
    partition.slots = [slot for slot in partition.slots if slot.offset != offset]


def _folded_last(world: World) -> int:
    """The offset of a tap that the last entry has scored."""
    scored = world.log.partition("taps.scored")
    at: int = _scored(scored.read(0, scored.high)[-1].value)["source_offset"]
    assert at >= _last(world).starts[EVENTS]
    return at


def _input_changed(world: World) -> None:
    at, events = _folded_last(world), world.log.partition(EVENTS)
    found = BINDING.sources[-1].decode(events.read(at, at + 1)[0].value)
    assert isinstance(found, Tap)
    _change(events, at, value=TAP({**found.model_dump(), "amount": found.amount + 1}))


def _rewrite(world: World, number: int, *, seal: bool, **changed: Any) -> None:
    """Another entry in the place of the `number`th."""
    partition = world.log.partition(LEDGER)
    at = _offsets(partition)[number]
    body = {**BINDING.ledger.entry(partition.read(at, at + 1)[0].value).__dict__, **changed}
    if seal:
        body["head"] = ledger._head({name: value for name, value in body.items() if name not in ledger._SEAL})
    _change(partition, at, value=BINDING.ledger.encode(body))


def _entry_added(world: World) -> None:
    partition = world.log.partition(LEDGER)
    last = partition.read(0, partition.high)[-1]
    partition.append(last)
    entry = _last(world)
    _rewrite(world, -1, seal=True, seq=entry.seq + 1, previous=entry.head, starts=entry.ends)


def _mark(world: World, topic: str, mark: Mark | None) -> None:
    place = (BINDING.group, topic, 0)
    world.log.offsets = {each: then for each, then in world.log.offsets.items() if each != place}
    if mark is not None:
        world.log.offsets[place] = mark


def _moved(world: World, topic: str, by: int, metadata: str | None = None) -> None:
    mark = world.log.offsets[BINDING.group, topic, 0]
    _mark(world, topic, Mark(mark.offset + by, mark.metadata if metadata is None else metadata))


def _older_words(world: World) -> None:
    """One input keeps what stood beside it a batch ago."""
    mark = world.log.offsets[BINDING.group, LABELS, 0]
    _mark(world, LABELS, mark._replace(metadata=mark.metadata.replace(f'"seq":{BATCHES}', f'"seq":{BATCHES - 1}')))


def _state(world: World, key: bytes, **changed: Any) -> None:
    partition = world.log.partition(STATE)
    at = [record.offset for record in partition.read(0, partition.high) if record.key == b"0:" + key][-1]
    _change(partition, at, **changed) if changed else _cut(partition, at)


def _flipped(world: World) -> None:
    """One bit of a saved value."""
    partition = world.log.partition(STATE)
    value = next(r.value for r in partition.read(0, partition.high) if r.key == b"0:model")
    assert value is not None
    _state(world, b"model", value=value[:-1] + bytes([value[-1] ^ 1]))


def _emptied(world: World, topic: str) -> None:
    world.log.partition(topic).slots = []


def _anew(world: World) -> None:
    world.log.topics[EVENTS].id = "another"


def _grown(world: World) -> None:
    world.log.topics[EVENTS].partitions.append(Partition(EVENTS, 1))


def _expired(world: World, beyond: int) -> None:
    world.log.partition(EVENTS).expire(_last(world).ends[EVENTS] + beyond)


def _ledger_cut(world: World, number: int) -> None:
    partition = world.log.partition(LEDGER)
    _cut(partition, _offsets(partition)[number])


DAMAGES = [
    Damage("an input record is another one", _input_changed, "folded again gives outputs"),
    Damage("an input record is gone", lambda w: _cut(w.log.partition(EVENTS), _folded_last(w)), "folded again gives"),
    Damage(
        "an entry was changed",
        lambda w: _rewrite(w, -1, seal=False, event_time_ms=1),
        "was changed after it was written",
    ),
    Damage("an entry was sealed anew", lambda w: _rewrite(w, -1, seal=True, event_time_ms=1), "in the ledger and"),
    Damage("an entry was cut out", lambda w: _ledger_cut(w, -2), "cut out"),
    Damage("the last entry is gone", lambda w: _ledger_cut(w, -1), "cut off"),
    Damage("an entry was added", _entry_added, "offsets of .* stand at entry 5, its ledger at 6"),
    Damage("an offset was moved", lambda w: _moved(w, EVENTS, 1), "where its ledger ends at"),
    Damage(
        "an offset was committed by a tool", lambda w: _moved(w, EVENTS, 0, "by hand"), "committed by something else"
    ),
    Damage("an offset is gone", lambda w: _mark(w, LABELS, None), "no committed offset for taps.labels"),
    Damage("offsets are of two entries", _older_words, "not committed together"),
    Damage("the group has expired", lambda w: w.log.expire_group(BINDING.group), "no committed offsets"),
    Damage("a saved value has another bit", _flipped, "checksum that is not that of its bytes"),
    Damage("a saved value is gone", lambda w: _state(w, b"model"), "values where its manifest says"),
    Damage("the manifest is gone", lambda w: _state(w, b"manifest"), "but no manifest"),
    Damage("the state is gone", lambda w: _emptied(w, STATE), "is not that of entry 2"),
    Damage("the ledger is gone", lambda w: _emptied(w, LEDGER), "ends with nothing"),
    Damage("an input was created anew", _anew, "created anew"),
    Damage("an input has more partitions", _grown, "had 1 partitions"),
    Damage("what comes next has expired", lambda w: _expired(w, 1), "expired unread"),
    Damage("what is folded again has expired", lambda w: _expired(w, 0), "is folded from"),
]
