"""The laws of saved states: wherever a fold is interrupted, what was saved goes on as if nothing had happened."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams.rows
from streams import Pipeline
from streams.score import ScoreStage, ScoreState
from streams.stage import Emitted, Record
from tests.streams.builders import Log
from tests.streams.logs import LOGS
from tests.streams.saved import StateTopic
from tests.streams.state import walk
from tests.streams.test_score_laws import EACH

SMALL = {"0:scalars", "0:model", "0:manifest"}
STOPS = st.lists(st.tuples(st.integers(0, 70), st.sampled_from(["save", "save", "restart"])), max_size=8).map(sorted)


@pytest.fixture(autouse=True, scope="module")
def small_segments() -> Iterator[None]:
    """Segments of few rows, so that small logs have many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.rows, "SEGMENT", 4)
        yield


def calm(made: Pipeline, records: list[Record]) -> tuple[ScoreState, list[Emitted]]:
    stage = ScoreStage(made)
    state = stage.initial(0)
    return state, stage.fold(state, records)


def interrupted(
    made: Pipeline, records: list[Record], stops: list[tuple[int, str]]
) -> tuple[ScoreState, list[Emitted], StateTopic]:
    """Fold with saves at `stops`, and after some of them with another worker; saved once more at the end."""
    stage, topic = ScoreStage(made), StateTopic()
    state, emitted = stage.initial(0), []
    bounds = [(0, "save"), *((min(at, len(records)), what) for at, what in stops), (len(records), "save")]
    for (start, _), (end, what) in pairwise(bounds):
        emitted += stage.fold(state, records[start:end])
        topic.save(stage, state)
        if what == "restart":
            stage = ScoreStage(made)
            state = topic.restore(stage)
    return state, emitted, topic


@EACH
@given(records=LOGS, stops=STOPS)
def test_a_fold_interrupted_anywhere_goes_on_in_every_output_and_leaves_the_same_state(
    made: Pipeline, records: list[Record], stops: list[tuple[int, str]]
) -> None:
    state, emitted = calm(made, records)

    _, pieces, topic = interrupted(made, records, stops)

    stage = ScoreStage(made)
    whole: dict[bytes, Any] = dict(stage.save(state))
    assert repr(pieces) == repr(emitted)
    assert walk(topic.restore(stage)) == walk(stage.restore(0, {k: v for k, v in whole.items() if v is not None}))


@EACH
@given(records=LOGS, stops=STOPS)
def test_restoring_twice_gives_the_same_and_what_was_restored_has_nothing_to_save(
    made: Pipeline, records: list[Record], stops: list[tuple[int, str]]
) -> None:
    stage = ScoreStage(made)
    state, _, topic = interrupted(made, records, stops)
    again = topic.save(stage, state)

    first, second = topic.restore(stage), topic.restore(stage)

    assert set(again) <= SMALL
    assert walk(first) == walk(second)
    assert set(topic.save(stage, second)) <= SMALL


@EACH
@given(records=LOGS, stops=STOPS)
def test_what_is_saved_ends_with_the_horizon(
    made: Pipeline, records: list[Record], stops: list[tuple[int, str]]
) -> None:
    state, _, topic = interrupted(made, records, stops)
    newest_ms = max([state.watermark_ms, *(truth.time_ms for truth in state.join.held.values())])
    log = Log()
    for n in range(5):
        log.tap(f"last {n}", newest_ms + 10_000 + n, card="z")

    stage = ScoreStage(made)
    stage.fold(state, log.records)
    topic.save(stage, state)

    rows = state.join.rows
    open_segments = {f"0:{kind}/{n}" for kind in "pt" for n in range(rows.end // 4 - 2, rows.end // 4 + 1)}
    assert {key.decode() for key in topic.records} <= SMALL | open_segments | {"0:w/z"}
