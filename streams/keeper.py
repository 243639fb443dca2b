"""Keeps a state as it was committed last while it is folded on: how all that a fold changes stood before it.

As in multiversion concurrency control (Bernstein and Goodman, 1983) who asks reads the version that is final, and
neither waits for who writes nor is seen by them.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, Protocol

from streams.admit import Remembering
from streams.before import Before, ModelBefore
from streams.entity_state import EntityState
from streams.hand import Hand, Take
from streams.rows import RowsBefore
from streams.score_state import ScoreState


class Keeper(Protocol):
    """Keeps what stood before each fold until that is final."""

    def keep(self, state: Any) -> None:
        """A fold is to begin. All that are not final must be kept so."""

    def final(self, state: Any) -> None:
        """The oldest of the folds that were kept is final."""

    def forget(self, state: Any) -> None:
        """Keep nothing any more: only where no fold is to become final has an answer a state to come from."""


class EntityKeeper:
    """Keeps windows, what is remembered of events, and the watermark."""

    def keep(self, state: EntityState) -> None:
        _keep(state)
        state.before.append(Before(state.watermark_ms))

    def final(self, state: EntityState) -> None:
        _final(state)
        state.before.pop(0)

    def forget(self, state: EntityState) -> None:
        _forget(state)
        state.before.clear()


class ModelKeeper:
    """Keeps a model beside: a second one, taught a fold later than the first.

    So all is learnt twice, but a model of any size is copied only once, as it stands when the first fold begins.
    """

    def __init__(self, take: Take) -> None:
        self._take = take

    def keep(self, state: ScoreState) -> None:
        before = ModelBefore(state.watermark_ms, replace(state.belief), self._model(state))
        _keep(state)
        state.before.append(before)

    def _model(self, state: ScoreState) -> Any:
        """One that was never taught may change when it is asked: then no second one can follow it."""
        if not state.learnt:
            return deepcopy(state.model)
        if state.before and state.before[-1].belief.learnt:
            return None
        model, state.second = state.second, None
        return deepcopy(state.model) if model is None else model

    def final(self, state: ScoreState) -> None:
        """Its second model learns what the fold has taught."""
        _final(state)
        before = state.before.pop(0)
        following = state.before[0] if state.before else None
        if not before.belief.learnt or (following is not None and following.model is not None):
            return
        hand = self._take(before.model)
        for vector, truth in before.taught:
            _learn(hand, vector, truth)
        hand.put_back()
        if following is not None:
            following.model = before.model
        else:
            state.second = before.model

    def forget(self, state: ScoreState) -> None:
        _forget(state)
        state.before.clear()
        state.second = None


def _keep(state: Remembering) -> None:
    for windows in state.windows:
        windows.before.append({})
    state.join.rows.before.append(RowsBefore(state.join.rows.end, state.join.rows.horizon_ms))


def _final(state: Remembering) -> None:
    for windows in state.windows:
        windows.before.pop(0)
    state.join.rows.before.pop(0)


def _forget(state: Remembering) -> None:
    for windows in state.windows:
        windows.before.clear()
    state.join.rows.before.clear()


def _learn(hand: Hand, vector: Sequence[float], truth: Any) -> None:
    try:
        hand.learn(vector, truth)
    except ArithmeticError:
        return  # as the first one did, which is not asked again
