"""Events that wait for their label, labels that wait for their event, and when either is forgotten."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

import msgspec

from schemas.problem import Problem
from streams import saved_rows
from streams.pending import Pending, pack, unpack
from streams.rows import Rows
from streams.stage import Saved


class Truth(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A label on its way to its event."""

    value: Any
    time_ms: int
    topic: str
    partition: int
    offset: int


_write_truth = msgspec.msgpack.Encoder().encode
_read_truth = msgspec.msgpack.Decoder(Truth).decode


@dataclass(slots=True)
class JoinState:
    """Events within the horizon, and labels that came before their event.

    `deadlines` of the labels are ordered by (deadline, id): nothing here is walked in the order of a dictionary.
    """

    rows: Rows = field(default_factory=Rows)
    held: dict[str, Truth] = field(default_factory=dict)
    deadlines: list[tuple[int, str]] = field(default_factory=list)
    changed: dict[str, None] = field(default_factory=dict)


class Join:
    """An event meets its label at most once, within `horizon_ms` of the event's own time; ids last `remember_ms`.

    No more than `most` events are remembered, and as many labels held: `event`, `wait` and `label` raise `Problem` at
    the one that would be too many.
    Where labels may be `revised`, an event that has met its label in time is kept, so that another one may `revise` it.
    """

    def __init__(self, *, horizon_ms: int, remember_ms: int, most: int, revised: bool = False) -> None:
        self._horizon_ms = horizon_ms
        self._remember_ms = remember_ms
        self._most = most
        self._revised = revised

    def seen(self, state: JoinState, event_id: str) -> bool:
        """Whether an event of this id is remembered."""
        return state.rows.find(event_id) is not None

    def seen_by(self, state: JoinState, event_id: str, watermark_ms: int) -> bool:
        """Whether an event of this id, remembered before all folds that are not final, still is at the watermark."""
        rows = state.rows
        time_ms = rows.stood(event_id)
        horizon_ms = rows.before[0].horizon_ms if rows.before else rows.horizon_ms
        before_ms = watermark_ms - self._remember_ms
        return time_ms is not None and (before_ms <= horizon_ms or time_ms >= before_ms)

    def event(self, state: JoinState, event_id: str, event_time_ms: int) -> None:
        """Remember an event that has no label to wait for."""
        self._append(state, event_id, event_time_ms, None)

    def wait(self, state: JoinState, event_id: str, pending: Pending, counts: Counter[str]) -> Truth | None:
        """Let a scored event wait for its label; the label itself, where it came first and is to be taught now."""
        row = self._append(state, event_id, pending.event_time_ms, pack(pending))
        if event_id not in state.held:
            return None
        held = state.held.pop(event_id)
        state.changed[event_id] = None
        return held if self._meet(state, row, pending.event_time_ms, held, counts) else None

    def _append(self, state: JoinState, event_id: str, event_time_ms: int, packed: bytes | None) -> int:
        if state.rows.index.count >= self._most:
            raise Problem(
                f"{self._most:,} events are remembered and one more came: shorten remember= and the horizon of labels, "
                f"use more partitions, or, where memory allows it, raise Limits(remembered={self._most})"
            )
        return state.rows.append(event_id, event_time_ms, packed)

    def label(self, state: JoinState, event_id: str, truth: Truth, counts: Counter[str]) -> Pending | None:
        """The scored event that `truth` is about, where it is to be taught now; else what became of it is counted."""
        row = state.rows.find(event_id)
        if row is None:
            self._hold(state, event_id, truth, counts)
            return None
        packed = state.rows.packed(row)
        if packed is None or (self._revised and state.rows.labelled(row)):
            counts[_again(same=state.rows.met(row, truth.value))] += 1
            return None
        pending = unpack(packed)
        return pending if self._meet(state, row, pending.event_time_ms, truth, counts) else None

    def revise(self, state: JoinState, event_id: str, truth: Truth) -> Pending | None:
        """The event whose label `truth` replaces: one that has met another value, in time.

        None where it revises nothing: it has to be taken as any `label`.
        """
        row = state.rows.find(event_id) if self._revised else None
        if row is None or not state.rows.labelled(row) or state.rows.met(row, truth.value):
            return None
        packed = state.rows.packed(row)
        pending = unpack(packed) if packed is not None else None
        if pending is None or self._expired(pending.event_time_ms, truth):
            return None
        state.rows.settle(row, truth.value, keep=True)
        return pending

    def _hold(self, state: JoinState, event_id: str, truth: Truth, counts: Counter[str]) -> None:
        """Keep a label until its event comes."""
        earlier = state.held.get(event_id)
        if earlier is not None:
            revises = self._revised and earlier.value != truth.value
            counts["labels.revised" if revises else _again(same=earlier.value == truth.value)] += 1
            if not revises:
                return
        elif len(state.held) >= self._most:
            raise Problem(
                f"{self._most:,} labels wait for an event that has not come and one more came: see that labels carry "
                f"the ids of events, shorten their horizon, or raise Limits(remembered={self._most})"
            )
        state.held[event_id] = truth
        state.changed[event_id] = None
        heappush(state.deadlines, (truth.time_ms + self._horizon_ms, event_id))

    def _meet(self, state: JoinState, row: int, event_time_ms: int, truth: Truth, counts: Counter[str]) -> bool:
        """Whether the truth came within the horizon. Only its value is kept from now on, unless it may be revised."""
        expired = self._expired(event_time_ms, truth)
        if self._revised:
            state.rows.settle(row, None if expired else truth.value, keep=not expired)
        else:
            state.rows.settle(row, truth.value)
        if expired:
            counts["labels.expired"] += 1
        return not expired

    def _expired(self, event_time_ms: int, truth: Truth) -> bool:
        return bool(truth.time_ms > event_time_ms + self._horizon_ms)

    def expire(self, state: JoinState, watermark_ms: int, counts: Counter[str]) -> None:
        """Forget what is past its deadline: events unlabelled until now, and labels whose event never came."""
        unlabelled = state.rows.forget(watermark_ms - self._remember_ms)
        if unlabelled:
            counts["waiting.unlabelled"] += unlabelled
        deadlines = state.deadlines
        while deadlines and deadlines[0][0] < watermark_ms:
            deadline_ms, event_id = heappop(deadlines)
            if self._held_until(state, event_id) == deadline_ms:
                del state.held[event_id]
                state.changed[event_id] = None
                counts["labels.orphaned"] += 1

    def _held_until(self, state: JoinState, event_id: str) -> int | None:
        """The deadline of the label that is held now; an earlier one for the same id may have left its own behind."""
        truth = state.held.get(event_id)
        return None if truth is None else truth.time_ms + self._horizon_ms

    def save(self, state: JoinState) -> Saved:
        """What has changed: segments of rows, and each label that came to be held or no longer is."""
        yield from saved_rows.save(state.rows)
        for event_id in state.changed:
            truth = state.held.get(event_id)
            yield b"h/" + event_id.encode(), None if truth is None else _write_truth(truth)
        state.changed = {}

    def restore(self, rows: Rows, values: Mapping[bytes, bytes]) -> JoinState:
        """What was saved; of `rows` only the numbers are given."""
        saved_rows.restore(rows, values, keep=self._revised)
        held = {key[2:].decode(): _read_truth(value) for key, value in values.items() if key.startswith(b"h/")}
        deadlines = sorted((truth.time_ms + self._horizon_ms, event_id) for event_id, truth in held.items())
        return JoinState(rows, held, deadlines)


def _again(*, same: bool) -> str:
    """What becomes of another label for an event that has one: the first stands."""
    return "labels.repeated" if same else "labels.superseded"
