"""A copy of what is held is equal, and shares nothing that changes."""

import pytest
from hypothesis import given

from streams import Pipeline
from streams.copied import copied
from streams.score import ScoreStage
from streams.stage import Record
from tests.streams.logs import LOGS
from tests.streams.state import walk
from tests.streams.test_score_laws import PIPELINES


@pytest.mark.parametrize("made", [PIPELINES["two entities"], PIPELINES["compact"]], ids=["exact", "compact"])
@given(records=LOGS)
def test_what_goes_on_leaves_the_copy_as_it_was(made: Pipeline, records: list[Record]) -> None:
    stage = ScoreStage(made)
    state = stage.initial(0)
    half = len(records) // 2
    stage.fold(state, records[:half])
    before = walk(state.windows)

    copies = copied(list(state.windows))

    assert walk(copies) == before
    stage.fold(state, records[half:])
    assert walk(copies) == before
