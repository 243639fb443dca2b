"""What the live path serves is what the naive definition gives, whatever the log."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams.windows
from infra.skew.checker import Checker
from schemas.problem import Problem
from streams import Derived, Field, Labels, per
from streams.stage import Record
from tests.infra.skew.folded import batches, checked, found, skewed
from tests.infra.skew.stream import late_share, taps
from tests.streams.builders import COMPACT, WINDOWS, Log, Tap, labels, pipeline
from tests.streams.logs import LOGS
from tests.streams.test_delayed import DENSE


class Told(Tap):
    """A tap that says whether it is a fraud."""

    fraud: bool


def share(amount: float, total: float) -> float:
    return amount / total


FEATURES = [
    Field("amount"),
    Field("tip", default=-1.0),
    Derived("odd", lambda tap: int(tap.amount) % 2),
    *WINDOWS,
    *COMPACT,
    Derived("share", share, of=("amount", "card.amount.sum.20ms"), default=0.5),
    per("card").over("20ms").mean("amount"),
]
MADE = pipeline(features=FEATURES, labels=labels(horizon="60ms"), remember="200ms")
LATER = pipeline(features=FEATURES, labels=labels(horizon="60ms"), remember="200ms", lateness="40ms")
SKIPS = pipeline(features=FEATURES, labels=labels(horizon="60ms"), late="skip")
REVISED = pipeline(features=FEATURES, labels=labels(horizon="60ms", revisions="rates"), remember="200ms")
EVERYTHING = st.one_of(LOGS, DENSE)


def test_of_a_stream_with_late_and_repeated_events_all_but_a_few_values_are_judged() -> None:
    records = taps(2_000)
    tally = checked(MADE, batches(MADE, records))
    whole = found(tally).values()

    assert late_share(records) > 0.1
    assert tally.events == 2_000
    assert skewed(tally) == set()
    assert sum(each.checked for each in whole) > 0.99 * 2_000 * len(MADE.feature_names)


@given(records=EVERYTHING, size=st.integers(1, 40), compact_above=st.sampled_from([0, 32]))
def test_what_is_served_is_what_is_defined(records: list[Record], size: int, compact_above: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.windows, "COMPACT_ABOVE", compact_above)
        tally = checked(MADE, batches(MADE, records, size))

    assert skewed(tally) == set()
    assert all(count.checked + count.unjudged == tally.events for count in found(tally).values())
    assert [found(tally)[name].unjudged for name in ("amount", "tip", "odd")] == [0, 0, 0]


@given(records=EVERYTHING, size=st.integers(1, 40))
def test_what_is_served_after_labels_were_revised_is_what_is_defined(records: list[Record], size: int) -> None:
    assert skewed(checked(REVISED, batches(REVISED, records, size))) == set()


@given(records=EVERYTHING)
def test_what_is_served_of_late_events_is_what_is_defined(records: list[Record]) -> None:
    assert skewed(checked(LATER, batches(LATER, records))) == set()


def test_of_events_that_are_late_by_less_than_is_allowed_every_value_is_judged() -> None:
    records = taps(600)
    tally = checked(LATER, batches(LATER, records))

    assert late_share(records) > 0.1
    assert tally.events == 600
    assert skewed(tally) == set()
    assert all(count.unjudged == 0 for count in found(tally).values())


@given(records=EVERYTHING)
def test_without_late_events_every_value_is_judged(records: list[Record]) -> None:
    tally = checked(SKIPS, batches(SKIPS, records))

    assert skewed(tally) == set()
    assert all(count.checked == tally.events for count in found(tally).values())


@given(records=EVERYTHING, at=st.integers(0, 10))
def test_what_was_judged_before_is_only_gone_through(records: list[Record], at: int) -> None:
    checker, served = Checker(MADE), batches(MADE, records)
    for batch in served:
        checker.take(batch, judging=batch.seq > at)

    assert skewed(checker.tally) == set()
    assert checker.tally.events == sum(len(batch.scored) for batch in served if batch.seq > at)


@pytest.mark.parametrize(
    "moves", [{"tap_id": "1", "at_ms": 2_000}, {"tap_id": "9", "at_ms": 2_000, "amount": float("nan")}]
)
def test_an_event_that_is_not_scored_moves_time_on_too(moves: dict[str, Any]) -> None:
    log = Log().tap("1", 1_000).tap("2", 1_001)
    log.tap(**moves).tap("3", 1_010, kafka_ms=2_000)
    made = pipeline(features=FEATURES, labels=labels(horizon="60ms"), remember="1h")
    counts = found(checked(made, batches(made, log.records)))

    assert (counts["card.count.50ms"].unequal, counts["card.count.50ms"].unjudged) == (0, 1)
    assert counts["amount"].checked == 3


def test_labels_inside_events_count_from_the_next_event_on() -> None:
    draw, log = Random(3), Log()
    for number in range(300):
        at_ms = 1_000 + 5 * number
        log.event(Told(tap_id=str(number), at_ms=at_ms, card=draw.choice("ab"), fraud=draw.random() < 0.5), at_ms)
    made = pipeline(event=Told, features=FEATURES, labels=Labels(field="fraud", task="binary"))
    tally = checked(made, batches(made, log.records))

    assert tally.events == 300
    assert skewed(tally) == set()
    assert all(each.unjudged == 0 for each in found(tally).values())


def test_windows_that_begin_before_the_first_known_event_are_not_judged() -> None:
    served = batches(MADE, taps(600), 50)
    middle = served[5].watermark_ms
    checker = Checker(MADE)
    for batch in served[6:]:
        checker.take(replace(batch, known_from_ms=middle))

    assert skewed(checker.tally) == set()
    assert any(each.unjudged for each in found(checker.tally).values())


def test_a_score_of_no_record_in_its_batch_is_a_sentence() -> None:
    (batch,) = batches(MADE, Log().tap("1", 1_000).records)

    with pytest.raises(Problem, match=r"event 1 was scored from taps\.events/0@0, which entry 1 .* has not folded"):
        checked(MADE, [replace(batch, records=[])])
