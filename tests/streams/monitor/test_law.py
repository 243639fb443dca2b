"""The law of stages: batches mean nothing; and the state is plain."""

import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import Alert
from schemas.metric import Metric
from schemas.problem import Problem
from streams.monitor.definition import DAY_MS, Monitor
from streams.monitor.stage import MonitorStage
from streams.stage import Emitted
from tests.streams.monitor.rows import Story, fold, messages, watched
from tests.streams.saved import StateTopic
from tests.streams.state import walk

DEFINITION = Monitor(at_least=50)
RECORDS = Story(days=3, per_day=2_000, defect="amount", size=3.0, day=2).records()


@pytest.fixture(scope="module")
def whole() -> tuple[list[Emitted], bytes]:
    emitted, state = fold(RECORDS, DEFINITION, batch=len(RECORDS))
    return emitted, pickle.dumps(state)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, len(RECORDS)), max_size=40))
def test_batches_cut_anywhere_give_the_same_outputs_and_state(
    whole: tuple[list[Emitted], bytes], cuts: list[int]
) -> None:
    stage = MonitorStage(watched(), DEFINITION)
    state = stage.initial(0)
    emitted: list[Emitted] = []
    bounds = [0, *sorted(cuts), len(RECORDS)]
    for start, end in pairwise(bounds):
        emitted += stage.fold(state, RECORDS[start:end])

    assert emitted == whole[0]
    assert _plain(state) == _plain(pickle.loads(whole[1]))


@settings(max_examples=5, deadline=None)
@given(cut=st.integers(0, len(RECORDS)))
def test_a_state_written_and_read_back_goes_on_as_if_it_never_was(whole: tuple[list[Emitted], bytes], cut: int) -> None:
    stage = MonitorStage(watched(), DEFINITION)
    state = stage.initial(0)
    emitted = stage.fold(state, RECORDS[:cut])
    state = pickle.loads(pickle.dumps(state))
    emitted += stage.fold(state, RECORDS[cut:])

    assert emitted == whole[0]


def test_what_is_built_without_validation_is_valid(whole: tuple[list[Emitted], bytes]) -> None:
    found = messages(whole[0])

    assert {type(each) for each in found} == {Metric, Alert}
    for each in found:
        assert type(each)(**each.__dict__) == each


def _plain(value: Any) -> Any:
    """A state as nested tuples of numbers and bytes."""
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, dict):
        return tuple((key, _plain(each)) for key, each in value.items())
    if isinstance(value, list):
        return tuple(_plain(each) for each in value)
    if type(value).__module__ == "river.drift.adwin":
        return value.width, value.total, value.variance, value.n_detections
    if hasattr(value, "__slots__") and not isinstance(value, tuple):
        return tuple(_plain(getattr(value, name)) for name in value.__slots__)
    return value


def test_a_state_saved_and_restored_anywhere_goes_on_as_if_it_never_was() -> None:
    of = watched(horizon_ms=DAY_MS)
    whole, calm = fold(RECORDS, DEFINITION, of)
    topic, emitted = StateTopic(), list[Emitted]()
    stage = MonitorStage(of, DEFINITION)
    state = stage.initial(0)
    for n, (start, end) in enumerate(pairwise([*range(0, len(RECORDS), 347), len(RECORDS)])):
        emitted += stage.fold(state, RECORDS[start:end])
        topic.save(stage, state)
        if n % 3 == 2:
            state = topic.restore(stage)
            assert set(topic.save(stage, state)) <= {"0:state", "0:manifest"}

    final = topic.restore(stage)

    assert emitted == whole
    assert walk(final) == walk(topic.restore(stage))
    cells = {f"0:tally/{cell}" for cell in final.outcomes.tallies.cells}
    assert {key.decode() for key in topic.records} == {"0:state", "0:manifest", *cells}
    assert walk((final.drift, final.outcomes)) == walk((calm.drift, calm.outcomes))


def test_a_forged_state_is_refused() -> None:
    stage = MonitorStage(watched(), DEFINITION)

    with pytest.raises(Problem, match=r"print"):
        stage.restore(0, {b"state": b"cbuiltins\nprint\n."})
