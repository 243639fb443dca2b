"""The laws of the score stage: deterministic, indifferent to the cut of batches, and every record accounted for."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.anomaly import HalfSpaceTrees
from river.tree import HoeffdingTreeClassifier

from streams import Field, Pipeline
from streams.score import ScoreStage
from streams.stage import Emitted, Output, Record, Role
from tests.streams.builders import COMPACT, WINDOWS, Log, labels, pipeline
from tests.streams.logs import LOGS
from tests.streams.state import walk

PIPELINES = {
    "logistic regression": pipeline(),
    "late skipped": pipeline(late="skip"),
    "late allowed": pipeline(late="skip", lateness="25ms"),
    "short horizon, long memory": pipeline(labels=labels(horizon="10ms"), remember="90ms"),
    "tree": pipeline(model=lambda: HoeffdingTreeClassifier(grace_period=5)),
    "two entities": pipeline(features=[Field("amount"), *WINDOWS]),
    "compact": pipeline(features=[Field("amount"), *COMPACT]),
    "revised": pipeline(features=[Field("amount"), *WINDOWS, *COMPACT], labels=labels(revisions="rates")),
    "anomaly": pipeline(features=[Field("amount")], model=lambda: HalfSpaceTrees(seed=1, n_trees=2, height=3)),
}
EACH = pytest.mark.parametrize("made", PIPELINES.values(), ids=PIPELINES)
LABELS_BECAME = ("learnt", "met", "repeated", "superseded", "revised", "expired", "orphaned", "rejected")


def fold_cut(made: Pipeline, records: Sequence[Record], cuts: Sequence[int]) -> tuple[Any, list[Emitted]]:
    stage = ScoreStage(made)
    state, emitted = stage.initial(0), []
    for start, end in zip([0, *cuts], [*cuts, len(records)], strict=True):
        emitted += stage.fold(state, records[start:end])
    return state, emitted


@EACH
@given(records=LOGS, data=st.data())
def test_the_cut_of_batches_changes_no_output_and_no_state(
    made: Pipeline, records: list[Record], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=8)))

    state, emitted = fold_cut(made, records, cuts)

    calm_state, calm = fold_cut(made, records, [])
    assert repr(emitted) == repr(calm)
    assert walk(state) == walk(calm_state)


@EACH
@given(records=LOGS)
def test_every_record_is_accounted_for_after_every_prefix(made: Pipeline, records: list[Record]) -> None:
    stage = ScoreStage(made)
    state = stage.initial(0)
    given_in: Counter[str] = Counter()
    given_out = 0
    for record in records:
        emitted = stage.fold(state, [record])
        given_in[record.role] += 1
        given_out += sum(1 for each in emitted if isinstance(each, Output) and each.value.TOPIC == "scored")

        became = state.counts
        assert given_in[Role.EVENTS] == sum(became[f"events.{r}"] for r in ("scored", "duplicate", "late", "rejected"))
        assert given_in[Role.LABELS] == len(state.join.held) + sum(became[f"labels.{r}"] for r in LABELS_BECAME)
        assert given_out == became["events.scored"]


@EACH
@given(records=LOGS)
def test_all_that_is_emitted_is_valid(made: Pipeline, records: list[Record]) -> None:
    _, emitted = fold_cut(made, records, [])

    for each in emitted:
        if isinstance(each, Output):
            assert type(each.value)(**each.value.__dict__) == each.value
            assert isinstance(each.key, bytes)


@EACH
@given(records=LOGS)
def test_memory_ends_with_the_horizon(made: Pipeline, records: list[Record]) -> None:
    stage = ScoreStage(made)
    state = stage.initial(0)
    stage.fold(state, records)
    newest_ms = max([state.watermark_ms, *(truth.time_ms for truth in state.join.held.values())])

    stage.fold(state, Log().tap("last", newest_ms + 10_000, card="z").records)

    assert len(state.join.rows) == 1
    assert state.join.rows.find("last") is not None
    assert not state.join.held
    assert not state.join.deadlines
    assert not state.join.rows.stragglers
    assert len(state.join.rows.segments) == 1
    for windows in state.windows:
        assert set(windows.histories) <= {"z", "s", "*"}  # of the last tap: its card, its shop, all
        assert len(windows.deadlines) == len(windows.histories)
