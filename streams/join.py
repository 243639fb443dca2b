"""Events that wait for their label, labels that wait for their event, and when either is forgotten."""

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, NamedTuple

from schemas.scored import Scored


class Truth(NamedTuple):
    """A label on its way to its event."""

    value: Any
    time_ms: int
    topic: str
    partition: int
    offset: int


@dataclass(slots=True)
class Waiting:
    """What is remembered of one event id: the scored event until its label comes, then only the label's value."""

    deadline_ms: int
    scored: Scored | None = None
    taught: Any = None


@dataclass(slots=True)
class JoinState:
    """Event ids within the horizon, and labels that came before their event.

    `deadlines` are ordered by (deadline, kind, id): nothing here is ever walked in the order of a dictionary.
    """

    events: dict[str, Waiting] = field(default_factory=dict)
    held: dict[str, Truth] = field(default_factory=dict)
    deadlines: list[tuple[int, str, str]] = field(default_factory=list)


class Join:
    """An event meets its label at most once, within `horizon_ms` of the event's own time; ids last `remember_ms`."""

    def __init__(self, *, horizon_ms: int, remember_ms: int) -> None:
        self._horizon_ms = horizon_ms
        self._remember_ms = remember_ms

    def event(self, state: JoinState, scored: Scored, *, labelled_later: bool) -> Truth | None:
        """Remember a scored event; its label, where that came first."""
        deadline_ms = scored.event_time_ms + self._remember_ms
        state.events[scored.event_id] = Waiting(deadline_ms, scored if labelled_later else None)
        heappush(state.deadlines, (deadline_ms, "event", scored.event_id))
        return state.held.pop(scored.event_id, None) if labelled_later else None

    def label(self, state: JoinState, event_id: str, truth: Truth, counts: Counter[str]) -> Scored | None:
        """The scored event that `truth` is about, where it is to be taught now; else what became of it is counted."""
        waiting = state.events.get(event_id)
        if waiting is None:
            self._hold(state, event_id, truth, counts)
            return None
        if waiting.scored is None:
            counts["labels.repeated" if waiting.taught == truth.value else "labels.superseded"] += 1
            return None
        return self.meet(waiting.scored, state, truth, counts)

    def meet(self, scored: Scored, state: JoinState, truth: Truth, counts: Counter[str]) -> Scored | None:
        """`scored` itself, unless the truth came after the horizon. From now on only the label's value is kept."""
        waiting = state.events[scored.event_id]
        waiting.scored, waiting.taught = None, truth.value
        if truth.time_ms > scored.event_time_ms + self._horizon_ms:
            counts["labels.expired"] += 1
            return None
        return scored

    def _hold(self, state: JoinState, event_id: str, truth: Truth, counts: Counter[str]) -> None:
        earlier = state.held.get(event_id)
        if earlier is not None:
            counts["labels.repeated" if earlier.value == truth.value else "labels.superseded"] += 1
            return
        state.held[event_id] = truth
        heappush(state.deadlines, (truth.time_ms + self._horizon_ms, "label", event_id))

    def expire(self, state: JoinState, watermark_ms: int, counts: Counter[str]) -> None:
        """Forget what is past its deadline: events unlabelled until now, and labels whose event never came."""
        deadlines = state.deadlines
        while deadlines and deadlines[0][0] < watermark_ms:
            deadline_ms, kind, event_id = heappop(deadlines)
            if kind == "event":
                if state.events.pop(event_id).scored is not None:
                    counts["waiting.unlabelled"] += 1
            elif self._held_until(state, event_id) == deadline_ms:
                del state.held[event_id]
                counts["labels.orphaned"] += 1

    def _held_until(self, state: JoinState, event_id: str) -> int | None:
        """The deadline of the label that is held now; an earlier one for the same id may have left its own behind."""
        truth = state.held.get(event_id)
        return None if truth is None else truth.time_ms + self._horizon_ms
