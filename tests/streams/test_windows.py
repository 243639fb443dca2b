"""Windows against the naive oracle, bit for bit: on time, late, clustered, over several keys; and bounded memory."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.reject import Reject
from schemas.scored import Scored
from streams import Derived, Field, per
from streams.exact import PrefixSums
from streams.feature import Feature
from streams.features import Features
from streams.keyed_windows import WindowState
from streams.windows import History
from tests.streams.builders import Log, Tap, fold, messages, pipeline
from tests.streams.oracle import NaiveWindows

SPANS_MS = (7, 20, 50)
WINDOWS = per("card").over("7ms", "20ms", "50ms").count().sum("amount").mean("amount")
NIGHT = Derived("night", lambda _: -1)
AMOUNTS = st.one_of(st.floats(0, 1e6), st.sampled_from([0.1, 0.2, 0.3, 1e-9, 5e-324, 1e300, -1e300]))

Step = tuple[str, int, float]
"""Key, milliseconds since the newest event, amount."""


def steps(gaps: st.SearchStrategy[int]) -> st.SearchStrategy[list[Step]]:
    return st.lists(st.tuples(st.sampled_from("aabc"), gaps, AMOUNTS), max_size=60)


ON_TIME = steps(st.sampled_from([0, 0, 0, 1, 2, 6, 7, 8, 19, 20, 48, 49, 49, 50, 51, 120]))
ANY = steps(st.one_of(st.sampled_from([0, 0, 1, 1, 2, 7, 50, 51]), st.integers(-70, 3)))
DENSE = st.lists(
    st.tuples(st.just("a"), st.sampled_from([0, 0, 1, 1, -1, 60, -55]), AMOUNTS), min_size=80, max_size=140
)


def taps(told: Sequence[Step]) -> list[Tap]:
    made, newest_ms = [], 1_000
    for n, (card, step_ms, amount) in enumerate(told):
        made.append(Tap(tap_id=str(n), at_ms=newest_ms + step_ms, card=card, amount=amount))
        newest_ms = max(newest_ms, made[-1].at_ms)
    return made


def features_of(*features: Feature) -> tuple[Features, list[WindowState]]:
    compiled = Features(features)
    return compiled, compiled.initial()


def vectors(events: Sequence[Tap], *, expire: bool = True) -> list[list[float]]:
    """What `Features` gives for each event, keys expired at each advance of the watermark as the stage does."""
    features, state = features_of(WINDOWS)
    told, watermark_ms = [], 0
    for event in events:
        if expire and event.at_ms > watermark_ms:
            watermark_ms = event.at_ms
            features.expire(state, watermark_ms)
        told.append(features.vector(state, event, [event.card], event.at_ms))
    return told


@given(told=ON_TIME)
def test_windows_on_time_are_those_of_an_oracle_that_forgets_nothing(told: list[Step]) -> None:
    events = taps(told)
    oracle = NaiveWindows(SPANS_MS, forgets=False)

    assert vectors(events) == [oracle.aggregates(e.card, e.at_ms, e.amount) for e in events]


@pytest.mark.parametrize("stream", [ANY, DENSE], ids=["several keys", "one dense key"])
@settings(max_examples=20)
@given(data=st.data())
def test_windows_with_late_events_are_those_of_the_oracle(
    stream: st.SearchStrategy[list[Step]], data: st.DataObject
) -> None:
    events = taps(data.draw(stream))
    oracle = NaiveWindows(SPANS_MS, forgets=True)

    assert vectors(events) == [oracle.aggregates(e.card, e.at_ms, e.amount) for e in events]


@pytest.mark.parametrize("stream", [ANY, DENSE], ids=["several keys", "one dense key"])
@settings(max_examples=20)
@given(data=st.data())
def test_forgetting_never_shows_in_a_window_that_begins_within_the_longest(
    stream: st.SearchStrategy[list[Step]], data: st.DataObject
) -> None:
    events = taps(data.draw(stream))
    oracle = NaiveWindows(SPANS_MS, forgets=False)

    for event, vector in zip(events, vectors(events), strict=True):
        expected = oracle.aggregates(event.card, event.at_ms, event.amount)
        for place, span_ms in enumerate(SPANS_MS):
            if event.at_ms - span_ms >= oracle.watermark_ms - SPANS_MS[-1]:
                assert vector[place::3] == expected[place::3]
            else:
                assert vector[place] <= expected[place]


@given(told=ON_TIME)
def test_expiry_of_keys_changes_no_value(told: list[Step]) -> None:
    events = taps(told)

    assert vectors(events, expire=True) == vectors(events, expire=False)


@given(before=ANY, after=ON_TIME, step_ms=st.integers(0, 6))
def test_an_event_whose_sum_overflows_leaves_no_trace(before: list[Step], after: list[Step], step_ms: int) -> None:
    events = taps([*before, ("a", 0, 1.7e308), *after])
    newest_ms = events[len(before)].at_ms
    features, state = features_of(WINDOWS)

    told = [features.vector(state, e, [e.card], e.at_ms) for e in events[: len(before) + 1]]
    with pytest.raises(Reject, match="beyond the largest float"):
        features.vector(state, Tap(tap_id="x", at_ms=newest_ms + step_ms, amount=1.7e308), ["a"], newest_ms + step_ms)
    told += [features.vector(state, e, [e.card], e.at_ms) for e in events[len(before) + 1 :]]

    assert told == vectors(events, expire=False)


@pytest.mark.parametrize(("last_ms", "held"), [(1_059, 2), (1_060, 1), (1_061, 1)])
def test_a_key_is_forgotten_no_sooner_than_its_windows_are_empty(last_ms: int, held: int) -> None:
    events = [Tap(tap_id=str(at_ms), at_ms=at_ms) for at_ms in (1_000, 1_010, last_ms)]

    assert vectors(events)[-1][2] == held


def test_a_key_that_stays_away_is_forgotten() -> None:
    features, state = features_of(WINDOWS)
    for n in range(1_000):
        features.expire(state, n)
        features.vector(state, Tap(tap_id=str(n), at_ms=n, card=str(n)), [str(n)], n)

    assert len(state[0].histories) == len(state[0].deadlines) == SPANS_MS[-1] + 1


@pytest.mark.parametrize("step_ms", [0, 1, 3, 10])
def test_a_key_that_stays_holds_at_most_twice_what_its_windows_hold(step_ms: int) -> None:
    features, state = features_of(WINDOWS)
    events = [Tap(tap_id=str(n), at_ms=n * step_ms) for n in range(2_000)]
    inside = SPANS_MS[-1] // step_ms if step_ms else len(events)
    most = 0
    for event in events:
        features.vector(state, event, ["a"], event.at_ms)
        history = state[0].histories["a"]
        assert isinstance(history, History)
        most = max(most, len(history.times))
        assert len(history.columns[0].prefix) == len(history.columns[0].values) + 1 == len(history.times) + 1

    assert most <= 2 * inside + 2 * 33


@pytest.mark.parametrize("delay", [None, "40ms"])
def test_a_bounded_key_holds_at_most_twice_what_it_may_wherever_its_windows_end(delay: str | None) -> None:
    features, state = features_of(per("card").over("50ms", delay=delay, most=100).sum("amount"))
    held = []
    for n in range(5_000):
        features.vector(state, Tap(tap_id=str(n), at_ms=n // 50), ["a"], n // 50)
        history = state[0].histories["a"]
        assert isinstance(history, History)
        held.append(len(history.times))
        assert len(history.columns[0].values) == held[-1]

    assert held[-1] >= 100
    assert max(held) <= 2 * 100 + 33


@pytest.mark.parametrize(("delay", "reach"), [(None, "50ms"), ("40ms", "90ms")])
@given(told=ON_TIME)
def test_it_is_counted_where_a_key_would_hold_more_than_it_may(delay: str | None, reach: str, told: list[Step]) -> None:
    card = per("card")
    made = pipeline(features=[card.over("50ms", delay=delay, most=2).count(), card.over(reach).count()])
    log = Log()
    for event in taps(told):
        log.event(event, event.at_ms)

    state, emitted = fold(made, log.records)

    counts = [scored.features for scored in messages(emitted, Scored)]
    assert state.counts["windows.cut"] == sum(count > 2 for _, count in counts)
    assert delay or all(bounded == min(count, 2) for bounded, count in counts)


def test_a_vector_stands_in_the_order_of_its_declaration_wherever_its_windows_are() -> None:
    mixed: list[Feature] = [
        per("card").over("7ms").count(),
        Field("amount"),
        per("card").over("7ms", "20ms").sum("amount"),
        NIGHT,
    ]
    features, state = features_of(*mixed)
    features.vector(state, Tap(tap_id="0", at_ms=90, card="a", amount=2.0), ["a"], 90)

    vector = features.vector(state, Tap(tap_id="1", at_ms=100, card="a", amount=3.0), ["a"], 100)

    told = dict(zip(features.names, vector, strict=True))
    assert told == {
        "card.count.7ms": 1.0,
        "amount": 3.0,
        "card.amount.sum.7ms": 3.0,
        "card.amount.sum.20ms": 5.0,
        "night": -1.0,
    }


@given(told=st.one_of(ANY, DENSE))
def test_a_history_that_was_written_and_read_is_the_same(told: list[Step]) -> None:
    features, state = features_of(WINDOWS)
    for event in taps(told):
        features.vector(state, event, ["a"], event.at_ms)

    for history in state[0].histories.values():
        assert isinstance(history, History)
        read = History(SPANS_MS, [PrefixSums])
        read.read(history.write())
        end = len(history.times)
        assert (read.times, read.starts) == (history.times, history.starts)
        assert read.columns[0].sums(range(end), end) == history.columns[0].sums(range(end), end)


def test_both_zeros_are_one_value() -> None:
    made = pipeline(features=[per("card").over("20ms").distinct("amount")])
    log = Log().tap("1", 1_000, amount=0.0).tap("2", 1_001, amount=-0.0).tap("3", 1_002, amount=1.0)

    assert [each.features for each in messages(fold(made, log.records)[1], Scored)] == [[1.0], [1.0], [2.0]]
