"""Whether an event that is only asked about would be admitted if it came next, and the windows that it would find."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from streams.before import Before
from streams.facts import Facts, ahead, facts_of
from streams.join import Join, JoinState
from streams.keyed_groups import Groups
from streams.keyed_windows import WindowState
from streams.pipeline import Pipeline
from streams.tiles import NEVER_MS


class Unscored(Exception):
    """The event would not be scored if it came next: it is a `duplicate` of one that is remembered, or `late`."""

    def __init__(self, reason: Literal["duplicate", "late"], message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Standing(Protocol):
    """A state that may be folded on, with what stood `before` each fold that is not final."""

    windows: Sequence[WindowState]
    join: JoinState
    watermark_ms: int

    @property
    def before(self) -> Sequence[Before]: ...


class Entrance:
    """The rules of a definition for events as they come, for one that only might come. States stay as they are."""

    def __init__(self, pipeline: Pipeline, join: Join) -> None:
        self._pipeline, self._join = pipeline, join
        self._facts = facts_of(pipeline)

    def admit(self, state: Standing, event: Any, at_ms: int) -> Facts:
        """What identifies `event`, with the Kafka timestamp `at_ms`.

        Raises `Reject` where the event would be rejected, and `Unscored` where it would only be counted.
        """
        facts = self._facts(event)
        if facts.time_ms > at_ms + self._pipeline.ahead_ms:
            raise ahead(self._pipeline.time, facts.time_ms, at_ms)
        self.refuse_duplicate(state, facts)
        self._refuse_late(_watermark_ms(state), facts)
        return facts

    def refuse_duplicate(self, state: Standing, facts: Facts) -> None:
        """Raise `Unscored` where an event with this id is remembered."""
        if self._join.seen_by(state.join, facts.id, max(_watermark_ms(state), facts.time_ms)):
            named = f"{self._pipeline.id}={facts.id}"
            raise Unscored("duplicate", f"the event with {named} was scored before: ask about one that was not")

    def _refuse_late(self, watermark_ms: int, facts: Facts) -> None:
        pipeline = self._pipeline
        behind_ms = watermark_ms - facts.time_ms
        if pipeline.late == "skip" and behind_ms > pipeline.lateness_ms:
            message = f"{pipeline.time} is {behind_ms} ms behind the newest event, and this pipeline skips late ones"
            raise Unscored("late", message)


def apart(windows: Groups, state: Standing, facts: Facts) -> list[WindowState]:
    """What an event with these facts finds, to be used up: `state` stays. Only one that moves time on forgets."""
    forgotten_ms = facts.time_ms if facts.time_ms > _watermark_ms(state) else NEVER_MS
    return windows.apart(state.windows, facts.keys, forgotten_ms)


def _watermark_ms(state: Standing) -> int:
    """As of the last fold that is final."""
    return state.before[0].watermark_ms if state.before else state.watermark_ms
