"""A stage that keys an input anew passes on each record that can be read, as it came, and has nothing to remember."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.reject import Reject
from streams.plan import rekey_of, rekeys, stages
from streams.rekey import RekeyStage, RekeyState
from streams.stage import Emitted, Record, Refused, Rekeyed, Role
from tests.streams.builders import Log, labels, pipeline
from tests.streams.logs import LOGS
from tests.streams.saved import StateTopic

BOTH = pipeline(rekey=("labels", "events"))
EACH = pytest.mark.parametrize("role", [Role.EVENTS, Role.LABELS])


def stage_of(role: Role) -> RekeyStage:
    (found,) = (rekey for rekey in rekeys(BOTH) if rekey.role is role)
    return RekeyStage(found)


def of(role: Role, records: list[Record]) -> list[Record]:
    """One input, as it might be keyed by something else."""
    return [replace(each, key=b"other" if n % 2 else None) for n, each in enumerate(records) if each.role is role]


def fold(role: Role, records: list[Record]) -> tuple[RekeyState, list[Emitted]]:
    stage = stage_of(role)
    state = stage.initial(0)
    return state, stage.fold(state, records)


@EACH
@given(records=LOGS)
def test_each_record_goes_on_as_it_came_under_its_field_or_is_rejected(role: Role, records: list[Record]) -> None:
    read = of(role, records)
    state, emitted = fold(role, read)

    wanted: list[Emitted] = []
    for record in read:
        value: Any = record.value
        bad = isinstance(value, Reject)
        wanted.append(Refused(record, value) if bad else Rekeyed(record, value.card.encode()))
    assert emitted == wanted
    refused = sum(isinstance(each, Refused) for each in emitted)
    assert state.counts[f"{role}.rejected"] == refused
    assert state.counts.total() == len(read) == state.counts[f"{role}.rekeyed"] + refused


@EACH
@given(records=LOGS, cuts=st.lists(st.integers(0, 70), max_size=4).map(sorted))
def test_the_cut_of_batches_and_restarts_change_nothing(role: Role, records: list[Record], cuts: list[int]) -> None:
    read = of(role, records)
    stage, topic = stage_of(role), StateTopic()
    state, emitted = stage.initial(0), list[Emitted]()
    for start, end in zip([0, *cuts], [*cuts, len(read)], strict=True):
        emitted += stage.fold(state, read[start:end])
        topic.save(stage, state)
        state = topic.restore(stage)

    whole, at_once = fold(role, read)
    assert emitted == at_once
    assert dict(state.counts) == dict(whole.counts)


def test_what_is_saved_does_not_grow_with_what_was_read() -> None:
    stage, log = stage_of(Role.EVENTS), Log()
    for n in range(200):
        log.tap(str(n), 1_000 + n, card=f"c{n}")
    state = stage.initial(0)
    stage.fold(state, log.records)

    saved = dict(stage.save(state))
    assert sum(len(key) + len(value or b"") for key, value in saved.items()) < 100


def test_the_stages_stand_in_front_of_the_others_events_first() -> None:
    assert stages(BOTH, 1) == ("rekey_events", "rekey_labels", "score", "monitor")
    assert stages(pipeline(rekey=("labels",)), 4) == ("rekey_labels", "score", "monitor")
    assert rekey_of(BOTH, "score") is None


def test_labels_are_keyed_by_their_id_where_events_are() -> None:
    made = pipeline(key="tap_id", rekey=["events", "labels"], labels=labels(id="card"))

    assert [(each.stage, each.field) for each in rekeys(made)] == [("rekey_events", "tap_id"), ("rekey_labels", "card")]
