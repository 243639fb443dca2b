"""Kafka by its definition: all that was ever done is kept, and nothing is worked out before it is asked for."""

from typing import NamedTuple

TOPICS = ("one", "two")
IDS = ("a", "b")


class Slot(NamedTuple):
    """An offset that is taken. `by` is the number of a transaction, None outside any; a marker has no `key`."""

    by: int | None
    key: bytes | None = None
    value: bytes | None = None


class Naive:
    """Two topics of one partition, and two transactional ids. Offsets are places in a list."""

    def __init__(self) -> None:
        self.slots: dict[str, list[Slot]] = {topic: [] for topic in TOPICS}
        self.ended: list[str] = []
        self.open: dict[str, int | None] = dict.fromkeys(IDS)
        self.offsets: list[int] = []
        self.gone: set[tuple[str, int]] = set()
        self.low = dict.fromkeys(TOPICS, 0)

    def begin(self, id: str) -> None:
        self.open[id] = len(self.ended)
        self.ended.append("open")

    def end(self, id: str, how: str) -> None:
        by, self.open[id] = self.open[id], None
        assert by is not None
        self.ended[by] = how
        for slots in self.slots.values():
            if any(slot.by == by for slot in slots):
                slots.append(Slot(by))

    def stable(self, topic: str) -> int:
        slots = self.slots[topic]
        undecided = [at for at, slot in enumerate(slots) if slot.by is not None and self.ended[slot.by] == "open"]
        return min([*undecided, len(slots)])

    def visible(self, topic: str) -> dict[int, Slot]:
        """Per offset what a read_committed consumer gets, before anything was compacted or has expired."""
        found = enumerate(self.slots[topic][: self.stable(topic)])
        return {at: s for at, s in found if s.key and (s.by is None or self.ended[s.by] == "committed")}

    def compact(self, topic: str) -> None:
        found = {at: slot for at, slot in self.visible(topic).items() if (topic, at) not in self.gone}
        for at in range(self.stable(topic)):
            later = (
                any(other > at and slot.key == found[at].key for other, slot in found.items()) if at in found else True
            )
            if later or found[at].value is None:
                self.gone.add((topic, at))

    def read(self, topic: str) -> list[tuple[int, bytes | None, bytes | None]]:
        found = self.visible(topic).items()
        left = [(at, slot) for at, slot in found if (topic, at) not in self.gone and at >= self.low[topic]]
        return [(at, slot.key, slot.value) for at, slot in left]

    def committed(self) -> int | None:
        """The offset of the transaction that was committed last among those that said one."""
        return self.offsets[-1] if self.offsets else None
