"""The laws of saved states: wherever a fold is interrupted, what was saved goes on as if nothing had happened."""

import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams.index
import streams.rows
import streams.saved_windows
import streams.windows
from streams import Pipeline
from streams.saved_windows import Pages
from streams.score import ScoreStage
from streams.score_state import ScoreState
from streams.stage import Emitted, Record
from tests.streams.builders import Log, pipeline
from tests.streams.logs import LOGS, Move, log_of
from tests.streams.saved import StateTopic
from tests.streams.state import walk
from tests.streams.test_score_laws import EACH, PIPELINES

SMALL = {"0:scalars", "0:model", "0:manifest"}
STOPS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(["save", "save", "restart"])), max_size=8).map(sorted)

STEPS_MS = (0, 0, 1, 5, 30, 120, -20, -90)


@pytest.fixture(autouse=True, scope="module")
def small_segments() -> Iterator[None]:
    """Segments and tables of few rows, so that small logs have many, and windows that soon forget what is behind."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.rows, "SEGMENT", 3)
        patch.setattr(streams.index, "FULL", 2)
        patch.setattr(streams.saved_windows, "PAGE", 2)
        patch.setattr(streams.windows, "COMPACT_ABOVE", 1)
        yield


def calm(made: Pipeline, records: list[Record]) -> tuple[ScoreState, list[Emitted]]:
    stage = ScoreStage(made)
    state = stage.initial(0)
    return state, stage.fold(state, records)


def carried(state: ScoreState) -> Any:
    """The state, without where in the topic it stands, and without the order of a heap."""
    for windows in state.windows:
        windows.pages = Pages()
        windows.deadlines.sort()
    return walk(state)


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
    assert carried(topic.restore(stage)) == carried(stage.restore(0, {k: v for k, v in whole.items() if v is not None}))


def story(seed: int) -> list[Record]:
    """A long log, so that there is much to lose."""
    draw = random.Random(seed)
    moves: list[Move] = []
    for _ in range(400):
        what = draw.choice(["tap"] * 6 + ["finding"] * 6 + ["ahead", "nan", "undecoded finding"])
        tap_id = str(draw.randrange(draw.choice([9, 200])))
        moves.append((what, tap_id, draw.choice(STEPS_MS), draw.uniform(0, 1e3), draw.random() < 0.5))
    return log_of(moves)


@EACH
@pytest.mark.parametrize("seed", range(3))
def test_a_long_fold_that_is_interrupted_again_and_again_goes_on_in_every_output(made: Pipeline, seed: int) -> None:
    records = story(seed)
    state, emitted = calm(made, records)

    stops = [(at, "restart" if at % 14 == 0 else "save") for at in range(0, len(records), 7)]
    last, pieces, topic = interrupted(made, records, stops)

    stage = ScoreStage(made)
    whole: dict[bytes, Any] = dict(stage.save(state))
    assert repr(pieces) == repr(emitted)
    assert last.counts == state.counts
    assert carried(topic.restore(stage)) == carried(stage.restore(0, {k: v for k, v in whole.items() if v is not None}))


def test_a_late_event_is_still_remembered_after_a_restart() -> None:
    made = pipeline()
    early, later = Log().tap("1", 1_000).tap("2", 2_000).tap("late", 1_500), Log()
    later.finding("late", 1_500).tap("late", 1_500).tap("3", 2_001).tap("late", 1_500)
    records = early.records + later.records

    _, emitted, _ = interrupted(made, records, [(3, "restart")])

    assert repr(emitted) == repr(calm(made, records)[1])


def test_a_label_that_came_too_late_is_not_revised_after_a_restart_either() -> None:
    made = PIPELINES["revised"]
    records = Log().tap("1", 1_000).finding("1", 1_101).finding("1", 1_100, fraud=False).records

    last, _, _ = interrupted(made, records, [(1, "restart"), (2, "restart")])

    assert last.counts == calm(made, records)[0].counts
    assert last.counts["labels.superseded"] == 1


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

    segments = {f"0:{kind}/{n}" for kind in "pt" for n in state.join.rows.segments}
    pages = {
        f"0:w/{group}/{n}"
        for group, windows in zip(made.compiled.groups, state.windows, strict=True)
        for n in windows.pages.keys
    }
    assert len(state.join.rows.segments) <= 3
    assert all(set(windows.pages.home) <= {"z", "s", "*"} for windows in state.windows)
    assert {key.decode() for key in topic.records} <= SMALL | segments | pages
