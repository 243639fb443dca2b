"""Events that wait for their label, labels that wait for their event, and when either is forgotten."""

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, NamedTuple

from streams.pending import Pending, pack, unpack


class Truth(NamedTuple):
    """A label on its way to its event."""

    value: Any
    time_ms: int
    topic: str
    partition: int
    offset: int


@dataclass(slots=True)
class JoinState:
    """Event ids within the horizon, and labels that came before their event.

    An id is in `waiting`, with what was scored, until its label comes, and then in `met` with the label's value.
    `deadlines` are ordered by (deadline, kind, id): nothing here is ever walked in the order of a dictionary.
    """

    waiting: dict[str, bytes] = field(default_factory=dict)
    met: dict[str, Any] = field(default_factory=dict)
    held: dict[str, Truth] = field(default_factory=dict)
    deadlines: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        """The ids of all events that are remembered."""
        return [*self.waiting, *self.met]


class Join:
    """An event meets its label at most once, within `horizon_ms` of the event's own time; ids last `remember_ms`."""

    def __init__(self, *, horizon_ms: int, remember_ms: int) -> None:
        self._horizon_ms = horizon_ms
        self._remember_ms = remember_ms

    def seen(self, state: JoinState, event_id: str) -> bool:
        """Whether an event of this id is remembered."""
        return event_id in state.waiting or event_id in state.met

    def event(self, state: JoinState, event_id: str, event_time_ms: int) -> None:
        """Remember an event that has no label to wait for."""
        self._remember(state, event_id, event_time_ms)
        state.met[event_id] = None

    def wait(self, state: JoinState, event_id: str, pending: Pending, counts: Counter[str]) -> Truth | None:
        """Let a scored event wait for its label; the label itself, where it came first and is to be taught now."""
        self._remember(state, event_id, pending.event_time_ms)
        held = state.held.pop(event_id, None)
        if held is None:
            state.waiting[event_id] = pack(pending)
            return None
        return held if self._meet(state, event_id, pending.event_time_ms, held, counts) else None

    def label(self, state: JoinState, event_id: str, truth: Truth, counts: Counter[str]) -> Pending | None:
        """The scored event that `truth` is about, where it is to be taught now; else what became of it is counted."""
        row = state.waiting.pop(event_id, None)
        if row is not None:
            pending = unpack(row)
            return pending if self._meet(state, event_id, pending.event_time_ms, truth, counts) else None
        if event_id in state.met:
            self._again(state.met[event_id], truth, counts)
        elif event_id in state.held:
            self._again(state.held[event_id].value, truth, counts)
        else:
            state.held[event_id] = truth
            heappush(state.deadlines, (truth.time_ms + self._horizon_ms, "label", event_id))
        return None

    def _remember(self, state: JoinState, event_id: str, event_time_ms: int) -> None:
        heappush(state.deadlines, (event_time_ms + self._remember_ms, "event", event_id))

    def _meet(self, state: JoinState, event_id: str, event_time_ms: int, truth: Truth, counts: Counter[str]) -> bool:
        """Whether the truth came within the horizon. From now on only the label's value is kept."""
        state.met[event_id] = truth.value
        if truth.time_ms > event_time_ms + self._horizon_ms:
            counts["labels.expired"] += 1
            return False
        return True

    def _again(self, earlier: Any, truth: Truth, counts: Counter[str]) -> None:
        counts["labels.repeated" if earlier == truth.value else "labels.superseded"] += 1

    def expire(self, state: JoinState, watermark_ms: int, counts: Counter[str]) -> None:
        """Forget what is past its deadline: events unlabelled until now, and labels whose event never came."""
        deadlines = state.deadlines
        while deadlines and deadlines[0][0] < watermark_ms:
            deadline_ms, kind, event_id = heappop(deadlines)
            if kind == "event":
                if state.waiting.pop(event_id, None) is not None:
                    counts["waiting.unlabelled"] += 1
                else:
                    del state.met[event_id]
            elif self._held_until(state, event_id) == deadline_ms:
                del state.held[event_id]
                counts["labels.orphaned"] += 1

    def _held_until(self, state: JoinState, event_id: str) -> int | None:
        """The deadline of the label that is held now; an earlier one for the same id may have left its own behind."""
        truth = state.held.get(event_id)
        return None if truth is None else truth.time_ms + self._horizon_ms
