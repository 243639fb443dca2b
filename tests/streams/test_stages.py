"""What several stages find, one after the other, is what one stage finds that has everything."""

from math import isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from river.anomaly import HalfSpaceTrees

from schemas.outcome import Outcome
from schemas.passed import Passed
from schemas.problem import Problem
from schemas.reject import Reject
from schemas.scored import Scored
from streams import Derived, Field, Labels, Pipeline, per
from streams.limits import Limits
from streams.plan import stages, steps
from streams.stage import Record, Role
from tests.streams.builders import (
    COMPACT,
    WINDOWS,
    Log,
    Tap,
    dear,
    definition,
    fold,
    labels,
    messages,
    pipeline,
    refusals,
)
from tests.streams.logs import LOGS
from tests.streams.stages import Chain, roles
from tests.streams.state import walk


def ratio(count: float, rate: float) -> float:
    """Something of two entities."""
    return count / (1.0 + rate)


def anomalies() -> HalfSpaceTrees:
    return HalfSpaceTrees(seed=1, n_trees=2, height=3)


AHEAD_MS = 1_000
CARD, SHOP = "card.count.20ms", "shop.rate.30ms.delay_15ms"
FEATURES = [
    per("card").over("20ms", "50ms").count().sum("amount").distinct("shop"),
    Field("amount"),
    per("shop").over("30ms", delay="15ms").rate("label").distinct("card"),
    per().over("20ms").count(),
    Derived("of both", ratio, of=(CARD, SHOP)),
]
PIPELINES = {
    "card, shop and all": pipeline(features=FEATURES),
    "every verb": pipeline(features=[Field("amount"), *WINDOWS]),
    "compact": pipeline(features=[*COMPACT, Field("amount")]),
    "late skipped": pipeline(features=FEATURES, late="skip"),
    "short horizon": pipeline(features=FEATURES, labels=labels(horizon="10ms"), remember="90ms"),
    "revised": pipeline(features=[*FEATURES, COMPACT[3]], labels=labels(revisions="rates")),
    "keyed by the id": pipeline(features=FEATURES, key="tap_id"),
    "taught by itself": pipeline(features=[FEATURES[0], per("shop").over("9ms").count()], model=anomalies),
}
"""Windows of all events are declared last, and found before those of shops."""
EACH = pytest.mark.parametrize("made", PIPELINES.values(), ids=PIPELINES)


def without_newer_strays(records: list[Record]) -> list[Record]:
    """A newer event that is repeated or rejected is passed on to nobody: only the first stage knows its time."""
    seen, newest_ms, kept = set(), 0, []
    for record in records:
        tap = record.value
        if isinstance(tap, Tap) and tap.at_ms <= record.timestamp_ms + AHEAD_MS:
            admitted = isfinite(tap.amount) and tap.tap_id not in seen
            if tap.at_ms > newest_ms and not admitted:
                continue
            if admitted:
                seen.add(tap.tap_id)
            newest_ms = max(newest_ms, tap.at_ms)
        kept.append(record)
    return kept


REPEATED = LOGS.map(without_newer_strays)


def outputs(chain: Chain, kind: type) -> list[Any]:
    return messages(chain.emitted[-1], kind)


@EACH
@given(records=REPEATED)
def test_stages_on_one_way_give_every_score_and_outcome_of_one_stage(made: Pipeline, records: list[Record]) -> None:
    chain = Chain(made, 2, place=lambda _: 0).fold(records)

    _, emitted = fold(made, records)
    assert repr(outputs(chain, Scored)) == repr(messages(emitted, Scored))
    assert repr(outputs(chain, Outcome)) == repr(messages(emitted, Outcome))
    assert repr(refusals(chain.emitted[0])) == repr(refusals(emitted))


@pytest.mark.parametrize("spread", [False, True], ids=["one stage", "a stage per entity"])
def test_a_label_counts_in_filtered_windows_only_where_its_event_does(spread: bool) -> None:
    """Both events are of one time, so a label of one could be taken for that of the other."""
    filtered = [each.over("20ms", where=dear) for each in (per("card"), per("shop"), per())]
    made = pipeline(features=[each.rate("label", among="labelled", default=-1.0) for each in filtered])
    log = Log().tap("dear", 1_000, amount=200.0).tap("cheap", 1_000, amount=50.0).finding("cheap", 1_001)
    log.tap("one", 1_002, amount=1.0).finding("dear", 1_003, fraud=False).tap("two", 1_004, amount=1.0)

    chain = Chain(made, 2, place=lambda _: 0).fold(log.records)
    scored = outputs(chain, Scored) if spread else messages(fold(made, log.records)[1], Scored)

    assert {each.event_id: each.features for each in scored[2:]} == {"one": [-1.0] * 3, "two": [0.0] * 3}


@pytest.mark.parametrize("key", ["card", "tap_id"])
@given(records=LOGS, shift=st.integers(0, 5))
def test_events_have_the_same_features_on_one_partition_and_on_three_where_lateness_covers_what_is_late(
    key: str, records: list[Record], shift: int
) -> None:
    long = {"lateness": "10s", "labels": labels(horizon="20s"), "remember": "20s"}
    made = pipeline(features=FEATURES, key=key, **long)
    records = [replace(each, key=str(getattr(each.value, key, "")).encode()) for each in records]

    chain = Chain(made, 3, place=lambda key: (sum(key) + shift) % 3).fold(records)

    _, emitted = fold(made, records)
    assert {each.event_id: each.features for each in outputs(chain, Scored)} == {
        each.event_id: each.features for each in messages(emitted, Scored)
    }


@EACH
@given(records=LOGS, data=st.data())
def test_the_cut_of_batches_and_a_restart_change_no_stage(made: Pipeline, records: list[Record], data: Any) -> None:
    chain = Chain(made, 2, place=lambda _: 0).fold(records)
    for n, stage in enumerate(chain.stages):
        read = chain.read[n][0]
        cut = data.draw(st.integers(0, len(read)))
        state = stage.initial(0)
        emitted = stage.fold(state, read[:cut])
        state = stage.restore(0, {key: value for key, value in stage.save(state) if value is not None})
        emitted += stage.fold(state, read[cut:])
        assert repr(emitted) == repr(chain.emitted[n])
        assert dict(state.counts) == dict(chain.states[n][0].counts)


@EACH
@given(records=LOGS)
def test_every_record_of_every_stage_is_accounted_for(made: Pipeline, records: list[Record]) -> None:
    chain = Chain(made, 3, place=lambda key: sum(key) % 3).fold(records)

    for n, states in enumerate(chain.states):
        for partition, state in enumerate(states):
            read = chain.read[n][partition]
            became = dict.fromkeys((Role.EVENTS, Role.LABELS), 0)
            for name, count in state.counts.items():
                role = name.partition(".")[0]
                if role in became:
                    became[Role(role)] += count
            assert became[Role.EVENTS] == roles(read, Role.EVENTS)
            assert became[Role.LABELS] + state.held == roles(read, Role.LABELS)


@pytest.mark.parametrize("late", ["score", "skip"])
@given(records=LOGS)
def test_a_label_never_comes_before_its_event(late: str, records: list[Record]) -> None:
    made = pipeline(features=FEATURES, late=late, labels=labels(horizon="20s"), remember="20s")
    chain = Chain(made, 3, place=lambda key: sum(key) % 3).fold(records)

    for states in chain.states[1:]:
        assert all(state.held == 0 and state.counts["labels.orphaned"] == 0 for state in states)


def test_the_way_begins_with_the_key_and_ends_where_it_scores() -> None:
    made = PIPELINES["card, shop and all"]

    assert stages(made, 1) == ("score", "monitor")
    assert [(step.stage, step.entity, step.following) for step in steps(made, 4)] == [
        ("by_card", "card", "*"),
        ("by_all", "*", "shop"),
        ("score", "shop", None),
    ]
    assert [step.first for step in steps(made, 4)] == [True, False, False]


def test_events_that_are_keyed_by_their_id_come_to_every_entity_from_there() -> None:
    way = steps(PIPELINES["keyed by the id"], 4)

    assert [step.entity for step in way] == ["tap_id", "*", "card", "shop"]
    assert [step.stage for step in way] == ["by_tap_id", "by_all", "by_card", "score"]


def test_one_entity_needs_one_stage_on_any_number_of_partitions() -> None:
    assert stages(pipeline(), 12) == ("score", "monitor")


def test_the_label_inside_an_event_comes_to_the_windows_of_every_stage() -> None:
    class Known(Tap):
        fraud: bool = True

    inside = Labels(field="fraud", task="binary")
    made = Pipeline(**definition(event=Known, labels=inside, features=[*FEATURES[:3]]))
    log = Log()
    for n in range(40):
        log.event(Known(tap_id=str(n), at_ms=1_000 + n, card="ab"[n % 2], shop="st"[n % 3 % 2]), 1_000 + n)

    chain = Chain(made, 2, place=lambda _: 0).fold(log.records)

    _, emitted = fold(made, log.records)
    assert repr(outputs(chain, Scored)) == repr(messages(emitted, Scored))
    assert [each.label for each in outputs(chain, Outcome)] == [each.label for each in messages(emitted, Outcome)]
    assert any(each.features[-2] > 0 for each in outputs(chain, Scored))


def test_what_fails_at_the_last_stage_is_refused_as_it_came_and_leaves_no_trace_there() -> None:
    def fails(count: float, rate: float) -> float:
        if count == 2:
            raise ValueError("two")
        return rate

    made = pipeline(features=[*FEATURES[:3], Derived("of both", fails, of=(CARD, SHOP))])
    log = Log().tap("1", 1_000).tap("2", 1_001).tap("3", 1_030)
    log.records = [replace(record, raw=b"bytes %d" % n) for n, record in enumerate(log.records)]

    chain = Chain(made, 2, place=lambda _: 0).fold(log.records)

    (refused,) = refusals(chain.emitted[-1])
    assert isinstance(refused.reject, Reject)
    value: Any = refused.record.value
    assert value.origin == ("taps.events", 0, 1, b"a", b"bytes 1")
    assert [each.event_id for each in outputs(chain, Scored)] == ["1", "3"]
    without = Chain(made, 2, place=lambda _: 0).fold([log.records[0], log.records[2]])
    assert walk(chain.states[-1][0].windows) == walk(without.states[-1][0].windows)


def test_one_id_under_two_keys_is_scored_once_where_both_meet() -> None:
    records = Log().tap("1", 1_000).tap("1", 1_001, card="b").finding("1", 1_010).finding("1", 1_011, card="b").records
    records = [replace(each, key=getattr(each.value, "card", "").encode()) for each in records]

    chain = Chain(PIPELINES["card, shop and all"], 2, place=lambda key: key == b"b").fold(records)

    (last,) = [state for state in chain.states[-1] if state.counts]
    assert last.counts == {"events.scored": 1, "events.duplicate": 1, "labels.learnt": 1, "labels.repeated": 1}
    assert len(outputs(chain, Scored)) == len(outputs(chain, Outcome)) == 1


def test_each_stage_counts_the_events_of_which_it_has_cut_windows() -> None:
    card, shop = per("card").over("50ms", most=1), per("shop").over("50ms", most=2)
    made = pipeline(features=[card.count(), shop.count()])
    records = Log().tap("1", 1_000).tap("2", 1_001).tap("3", 1_002).records

    chain = Chain(made, 2, place=lambda _: 0).fold(records)

    assert [states[0].counts["windows.cut"] for states in chain.states] == [2, 1]
    assert fold(made, records)[0].counts["windows.cut"] == 2


def test_a_passed_message_is_right_by_construction() -> None:
    chain = Chain(PIPELINES["every verb"], 2, place=lambda _: 0)
    chain.fold(Log().tap("1", 1_000).finding("1", 1_010).records)

    for message in messages(chain.emitted[0], Passed):
        assert Passed(**message.__dict__) == message


def test_an_event_of_which_too_many_are_remembered_stops_the_first_stage() -> None:
    made = pipeline(features=FEATURES, limits=Limits(remembered=2))
    with pytest.raises(Problem, match="are remembered and one more came"):
        Chain(made, 2, place=lambda _: 0).fold(Log().tap("1", 1).tap("2", 2).tap("3", 3).records)


EVERY = [
    per().over("5ms", "20ms").count().sum("amount").last("amount", default=-1.0).distinct("shop"),
    per().over("30ms", delay="15ms").rate("label"),
    per().over("20ms", itself=False, where=dear, most=3).max("amount", default=-2.0),
    per().over("20ms", tile="5ms").count().quantile("amount", "0.5", default=-3.0).rate("label"),
    per().decayed("9ms").mean("amount"),
]


@given(records=LOGS)
def test_windows_of_all_events_are_the_same_alone_and_beside_those_of_a_card(records: list[Record]) -> None:
    alone, beside = pipeline(features=EVERY), pipeline(features=[*EVERY, per("card").over("5ms").count()])

    state, emitted = fold(alone, records)
    served = [each.features for each in messages(emitted, Scored)]

    assert repr(served) == repr([each.features[:-1] for each in messages(fold(beside, records)[1], Scored)])
    assert all(len(each.histories) <= 1 for each in state.windows)
    chain = Chain(alone, 2, place=lambda _: 0).fold(records)
    assert repr(served) == repr([each.features for each in outputs(chain, Scored)])
