"""The windows of several groups, found for one event after the other, as one stage holds them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from schemas.reject import Reason, Reject
from streams.aggregate import EVERYTHING
from streams.keyed_windows import KeyedWindows, WindowState
from streams.reading import Kept
from streams.stage import Saved


class Read(msgspec.Struct, frozen=True, gc=False):
    """What is read of an event alone: the features that need nothing else, what windows keep of it, in the order of
    `Features.kept`, and the places of the groups whose filter leaves it out."""

    plain: list[float]
    values: list[float]
    outside: Sequence[int]


class Part(NamedTuple):
    """One group: its place among those of the definition, its key's place among those of an event, what it keeps."""

    place: int
    group: KeyedWindows
    entity: int
    picks: Sequence[int] | None


class Groups:
    """Some or all groups of windows of a definition; `states` hold one for each, in their order.

    Keys are those of an event's entities, in the order of the definition's.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._each = [(n, *part) for n, part in enumerate(parts)]
        self.groups = tuple(part.group.name for part in parts)
        self.sizes = tuple(part.group.size for part in parts)
        self._bounded = [(n, part.group, part.entity) for n, part in enumerate(parts) if part.group.bounded]

    @property
    def rated(self) -> bool:
        """Whether a feature is about the labels of other events."""
        return any(part.group.rated for part in self._parts)

    def initial(self) -> list[WindowState]:
        """No event yet."""
        return [WindowState() for _ in self._parts]

    def found(self, states: Sequence[WindowState], read: Read, keys: Sequence[str], time_ms: int) -> list[float]:
        """What the windows give, group after group, for an event that is counted in its own unless they are delayed.

        Raises `Reject`, and leaves `states` as they were, where a sum is not finite.
        """
        values, outside = read.values, read.outside
        keys = (*keys, EVERYTHING)  # the key of all events comes behind those of one
        found: list[float] = []
        n = -1
        try:
            for n, place, group, entity, picks in self._each:
                key = keys[entity]
                if place in outside:
                    history, reads = group.held(states[n], key), group.looks
                    starts, end = history.look(time_ms)
                else:
                    history, reads = group.changing(states[n], key, time_ms), group.reads
                    picked = values if picks is None else [values[i] for i in picks]
                    if group.look_first:
                        starts, end = history.look(time_ms)
                        found += [each for look in group.looks for each in look(history, starts, end, time_ms)]
                        reads = ()
                    starts, end = history.add(time_ms, picked)
                for each in reads:
                    found += each(history, starts, end, time_ms)
        except OverflowError as error:
            self._take_back(self._each[: n + 1], states, read, keys, time_ms)
            raise Reject(Reason.NOT_FINITE, "a windowed sum is beyond the largest float") from error
        return found

    def cut(self, states: Sequence[WindowState], keys: Sequence[str]) -> bool:
        """Whether some windows of these keys would hold more events than their `most`, as of the newest event."""
        if not self._bounded:
            return False
        keys = (*keys, EVERYTHING)
        return any(group.cut(states[n], keys[entity]) for n, group, entity in self._bounded)

    def take_back(self, states: Sequence[WindowState], read: Read, keys: Sequence[str], time_ms: int) -> None:
        """Take the event that was added last out of all windows again."""
        self._take_back(self._each, states, read, (*keys, EVERYTHING), time_ms)

    def _take_back(
        self,
        each: Sequence[tuple[int, int, KeyedWindows, int, Sequence[int] | None]],
        states: Sequence[WindowState],
        read: Read,
        keys: Sequence[str],
        time_ms: int,
    ) -> None:
        for n, place, group, entity, _ in each:
            if place not in read.outside:
                group.take_back(states[n], keys[entity], time_ms)

    def apart(self, states: Sequence[WindowState], keys: Sequence[str], watermark_ms: int) -> list[WindowState]:
        """What is found for these keys once the watermark is there, to be used up: `states` stay."""
        keys = (*keys, EVERYTHING)
        return [group.apart(states[n], keys[entity], watermark_ms) for n, _, group, entity, _ in self._each]

    def label(
        self,
        states: Sequence[WindowState],
        keys: Sequence[str],
        time_ms: int,
        outside: Sequence[int],
        *,
        positive: bool,
        revises: bool = False,
    ) -> None:
        """The label of the event with these keys and time is known, or `revises` one; it is `outside` these groups."""
        keys = (*keys, EVERYTHING)
        for n, place, group, entity, _ in self._each:
            if group.rated and place not in outside:
                group.label(states[n], keys[entity], time_ms, positive=positive, revises=revises)

    def expire(self, states: Sequence[WindowState], watermark_ms: int) -> None:
        """Forget keys whose windows are all empty at `watermark_ms`."""
        for n, part in enumerate(self._parts):
            deadlines = states[n].deadlines
            if deadlines and deadlines[0][0] < watermark_ms:
                part.group.expire(states[n], watermark_ms)

    def save(self, states: Sequence[WindowState]) -> Saved:
        """The histories of the keys that have changed."""
        for part, state in zip(self._parts, states, strict=True):
            yield from part.group.save(state)

    def restore(self, values: Mapping[bytes, bytes]) -> list[WindowState]:
        """What was saved, to be read when it is touched."""
        return [part.group.restore(values) for part in self._parts]


def picks(group: KeyedWindows, kept: Sequence[Kept]) -> Sequence[int] | None:
    """Where what a group keeps stands among all that is; None where it is all of that."""
    return None if len(group.kept) == len(kept) else [kept.index(each) for each in group.kept]
