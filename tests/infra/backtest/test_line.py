"""Stages in one process, whichever way they are given records, are those that workers run one after the other."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from infra.backtest.line import Line
from schemas.outcome import Outcome
from schemas.scored import Scored
from streams import Pipeline
from streams.runtime.partition import partition_of
from streams.stage import Emitted, Output, Record, Role
from tests.streams.builders import fold, labels, messages, pipeline
from tests.streams.logs import LOGS
from tests.streams.stages import Chain
from tests.streams.test_stages import FEATURES

PARTITIONS = 3
PIPELINES = {
    "stages": pipeline(features=FEATURES),
    "revised": pipeline(features=FEATURES, labels=labels(revisions="rates")),
    "one stage": pipeline(features=FEATURES[:2]),
}
EACH = pytest.mark.parametrize("made", PIPELINES.values(), ids=PIPELINES)


def place(key: bytes) -> int:
    return partition_of(key, PARTITIONS)


def placed(records: list[Record]) -> list[Record]:
    """Each record in the partition of its key."""
    ends: Counter[tuple[Role, int]] = Counter()
    told = []
    for record in records:
        number = place(record.key or b"")
        told.append(replace(record, partition=number, offset=ends[record.role, number]))
        ends[record.role, number] += 1
    return told


def said(emitted: list[Emitted]) -> list[Any]:
    """Scores and outcomes by where their event or label stood: those of one place in their order."""
    outputs = [each.value for each in emitted if isinstance(each, Output)]
    found = [each for each in outputs if isinstance(each, Scored | Outcome)]
    return sorted(found, key=lambda each: (each.source_topic, each.source_partition, each.source_offset))


@EACH
@given(records=LOGS.map(placed), cuts=st.lists(st.integers(0, 70), max_size=5).map(sorted))
def test_every_score_and_outcome_is_that_of_stages_that_pass_on_record_by_record(
    made: Pipeline, records: list[Record], cuts: list[int]
) -> None:
    line = Line("taps", made, PARTITIONS, range(PARTITIONS))
    emitted = [each for a, b in zip([0, *cuts], [*cuts, len(records)], strict=True) for each in line.fold(records[a:b])]

    chain = Chain(made, PARTITIONS, place).fold(records)
    assert list(map(repr, said(emitted))) == list(map(repr, said(chain.emitted[-1])))


@EACH
@given(records=LOGS.map(placed))
def test_every_record_is_counted_by_one_stage(made: Pipeline, records: list[Record]) -> None:
    line = Line("taps", made, PARTITIONS, range(PARTITIONS))
    line.fold(records)

    told = Counter(record.role for record in records)
    assert sum(many for name, many in line.counts().items() if name.startswith("events.")) == told[Role.EVENTS]
    assert sum(many for name, many in line.counts().items() if name.startswith("labels.")) == told[Role.LABELS]


@given(records=LOGS)
def test_on_one_partition_it_is_the_score_stage(records: list[Record]) -> None:
    made = PIPELINES["stages"]
    line = Line("taps", made, 1, (0,))
    emitted = line.fold(records)

    state, expected = fold(made, records)
    assert repr(messages(emitted, object)) == repr(messages(expected, object))
    assert +line.counts() == +(state.counts + Counter({"labels.held": state.held}))
