"""Windows of two entities, delayed or not, and rates of labels, against what a naive reader of the log finds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import fsum
from operator import attrgetter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams.windows
from schemas.outcome import Outcome
from schemas.reject import Reject
from schemas.scored import Scored
from streams import Field, per
from streams.aggregate import EVERYTHING, Aggregate, Windows
from streams.features import Features
from streams.runs import Runs
from streams.score import ScoreStage
from streams.stage import Output, Record
from tests.streams.builders import WINDOWS, Log, Tap, dear, labels, pipeline
from tests.streams.logs import LOGS

LATENESS = {0: "0ms", 40: "40ms"}
MADE = {
    lateness_ms: pipeline(features=[Field("amount"), *WINDOWS], labels=labels(horizon="60ms"), lateness=lateness)
    for lateness_ms, lateness in LATENESS.items()
}

Move = tuple[str, int, int, float, bool]
"""A tap or a finding, how many taps ago that was, how far from now (ms), the amount, the truth."""

MOVES = st.tuples(
    st.sampled_from(["tap", "tap", "finding"]),
    st.integers(1, 9),
    st.sampled_from([0, 0, 0, 1, 2, 5, 9, -3, -20]),
    st.floats(0, 1e3),
    st.booleans(),
)


def log_of(moves: Sequence[Move]) -> list[Record]:
    """Few keys and many labels, so that every window knows some of its events."""
    log, now_ms, taps = Log(), 1_000, 0
    for what, ago, step_ms, amount, truth in moves:
        now_ms += max(step_ms, 0)
        if what == "tap":
            card, shop = "ab"[int(amount) % 2], "st"[ago % 2]
            log.tap(str(taps), now_ms + min(step_ms, 0), kafka_ms=now_ms, card=card, shop=shop, amount=amount)
            taps += 1
        else:
            log.finding(str(taps - ago), now_ms, fraud=truth)
    return log.records


DENSE = st.lists(MOVES, min_size=20, max_size=70).map(log_of)


def mean(amounts: Sequence[float]) -> float:
    return float(sum(map(Fraction, amounts)) / len(amounts))


def variance(amounts: Sequence[float]) -> float:
    centre = sum(map(Fraction, amounts)) / len(amounts)
    return float(sum((Fraction(amount) - centre) ** 2 for amount in amounts) / len(amounts))


def quantile(amounts: Sequence[float], q: str) -> float:
    ascending, enough = sorted(amounts), Fraction(q) * len(amounts)
    return next(x for many, x in enumerate(ascending, 1) if many >= enough)


@dataclass
class Naive:
    """All events that were scored and all labels that were met, looked at again for each event.

    A label is known of an event by its id and time: when an id is forgotten it may come again, as another event.
    """

    events: list[Tap] = field(default_factory=list)
    seen: list[Tap] = field(default_factory=list)
    known: dict[tuple[str, int], bool] = field(default_factory=dict)
    watermark_ms: int = 0
    lateness_ms: int = 0

    def expected(self, tap: Tap) -> dict[str, float]:
        place = sum(1 for each in self.events if each.at_ms <= tap.at_ms)
        self.events.insert(place, tap)
        self.seen = self.events[: place + 1]
        told = {"amount": tap.amount}
        for windows, span_ms, named in SPANS:
            inside = self._inside(tap, windows, span_ms)
            for aggregate, name in named:
                told[name] = self._value(tap, windows, aggregate, inside)
        return told

    def _inside(self, tap: Tap, windows: Windows, span_ms: int) -> list[Tap]:
        end_ms = tap.at_ms - windows.delay_ms
        seen = self.events if windows.delay else self.seen  # of equal times, those that came before
        of = attrgetter(windows.entity) if windows.entity != EVERYTHING else lambda _: "all"

        def of_key(events: Sequence[Tap]) -> list[Tap]:
            where = windows.where
            return [each for each in events if of(each) == of(tap) and (where is None or where(each))]

        older = [] if windows.most is None else of_key(self.events)[: -windows.most]
        left_out = {id(each) for each in older if each is not tap}
        inside = [each for each in of_key(seen) if end_ms - span_ms < each.at_ms <= end_ms]
        return [each for each in inside if id(each) not in left_out]

    def _value(self, tap: Tap, windows: Windows, aggregate: Aggregate, inside: Sequence[Tap]) -> float:
        if not windows.itself or aggregate.verb in ("last", "since"):
            inside = [each for each in inside if each is not tap]
        amounts = [each.amount for each in inside]
        default = 0.0 if aggregate.default is None else aggregate.default
        match aggregate.verb:
            case "count":
                return float(len(inside))
            case "sum":
                return fsum(amounts)
            case "distinct":
                return float(len({getattr(each, str(aggregate.field)) for each in inside}))
            case _ if not inside:
                return default
            case "last":
                return amounts[-1]
            case "since":
                return (tap.at_ms - inside[-1].at_ms) / 1_000
            case "quantile":
                return quantile(amounts, aggregate.q)
            case "rate":
                labelled = [self.known[event] for each in inside if (event := (each.tap_id, each.at_ms)) in self.known]
                among = labelled if aggregate.among == "labelled" else inside
                return sum(labelled) / len(among) if among else default
            case "min":
                return min(amounts)
            case "max":
                return max(amounts)
        return {"mean": mean, "variance": variance}[aggregate.verb](amounts)

    def forgotten(self, tap: Tap, name: str) -> bool:
        """Whether a window begins where a history may have been forgotten already."""
        if name == "amount":
            return False
        back_ms, kept_ms = REACH_MS[name]
        return tap.at_ms - back_ms < self.watermark_ms - self.lateness_ms - kept_ms


def shared(windows: Windows) -> object:
    """What windows of one history have in common."""
    return windows.entity, windows.delay, windows.where, windows.most


def reach_ms() -> Iterator[tuple[str, tuple[int, int]]]:
    """Of each feature how far its window reaches back, and how far what is held with it does."""
    for windows in WINDOWS:
        held = [span_ms for each in WINDOWS if shared(each) == shared(windows) for span_ms in each.spans_ms]
        for aggregate in windows.aggregates:
            for name, span_ms in zip(windows.named(aggregate), windows.spans_ms, strict=True):
                yield name, (windows.delay_ms + span_ms, windows.delay_ms + max(held))


REACH_MS = dict(reach_ms())
SPANS = [
    (windows, span_ms, [(aggregate, windows.named(aggregate)[place]) for aggregate in windows.aggregates])
    for windows in WINDOWS
    for place, span_ms in enumerate(windows.spans_ms)
]


def told_and_expected(records: Sequence[Record], lateness_ms: int) -> list[tuple[dict[str, Any], dict[str, float]]]:
    """The vector of each event that is scored, and what the naive reader expects of it, of windows that are held."""
    made, naive, found = MADE[lateness_ms], Naive(lateness_ms=lateness_ms), []
    stage = ScoreStage(made)
    state = stage.initial(0)
    for record in records:
        for each in stage.fold(state, [record]):
            value = each.value if isinstance(each, Output) else None
            if isinstance(value, Scored):
                tap = record.value
                assert isinstance(tap, Tap)
                told = dict(zip(made.feature_names, value.features, strict=True))
                naive.watermark_ms = state.watermark_ms  # a repeated tap moves it too
                expected = naive.expected(tap)
                held = [name for name in told if not naive.forgotten(tap, name)]
                assert held == list(told) or tap.at_ms < state.watermark_ms - lateness_ms
                found.append(({n: told[n] for n in held}, {n: expected[n] for n in held}))
            elif isinstance(value, Outcome):
                naive.known[value.event_id, value.event_time_ms] = value.target == 1.0
    return found


@pytest.mark.parametrize("lateness_ms", LATENESS)
@given(records=st.one_of(LOGS, DENSE), compact_above=st.sampled_from([0, 32]))
def test_each_feature_is_what_a_naive_reader_finds(lateness_ms: int, records: list[Record], compact_above: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.windows, "COMPACT_ABOVE", compact_above)
        for told, expected in told_and_expected(records, lateness_ms):
            assert told == expected


def cheap(tap: Tap) -> bool:
    """Whether it is not one of the dear ones."""
    return not dear(tap)


@given(moves=st.lists(st.tuples(st.sampled_from("st"), st.integers(-9, 9), st.booleans()), max_size=6))
def test_an_event_whose_sum_overflows_leaves_no_trace_in_any_window(moves: list[tuple[str, int, bool]]) -> None:
    features = Features(
        [
            per("card").over("20ms").count(),
            per("card").over("20ms", delay="3ms").rate("label", among="labelled"),
            per("card").over("20ms", where=dear).max("amount", default=0.0),
            per("card").over("20ms", where=cheap).min("amount", default=0.0),
            per().over("9ms", itself=False).distinct("shop"),
            per("shop").over("100ms").sum("amount"),
        ]
    )
    struck, calm = features.initial(), features.initial()
    now_ms = 1_000
    for n, (shop, step_ms, truth) in enumerate([("s", 0, True), ("t", 0, False), *moves]):
        now_ms += max(step_ms, 0) + 10 * (n == 2)
        tap = Tap(tap_id=str(n), at_ms=now_ms + min(step_ms, 0), amount=1.7e308 * (n < 2))
        for card in ("a", "new"):
            huge = Tap(tap_id="huge", at_ms=tap.at_ms, amount=1.7e308)
            if n > 1:
                with pytest.raises(Reject, match="beyond the largest float"):
                    features.vector(struck, huge, (card, shop), huge.at_ms)
        told = [features.vector(states, tap, ("a", shop), tap.at_ms) for states in (struck, calm)]
        assert told[0] == told[1]
        for states in (struck, calm):
            features.label(states, ("a", shop), tap.at_ms, (), positive=truth)

    assert all("new" not in states.histories for states in struck)
    assert [sorted(s.deadlines) for s in struck] == [sorted(s.deadlines) for s in calm]
    features.expire(struck, 10_000)
    assert not any(states.histories for states in struck)


def test_runs_of_delayed_and_rated_windows_never_begin_anew_without_a_late_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features = Features([each for each in WINDOWS if each.delay is not None or each.entity == "card"])
    states, begun = features.initial(), list[str]()
    monkeypatch.setattr(Runs, "begin_anew", lambda _: begun.append("anew"))
    for n in range(200):
        features.vector(states, Tap(tap_id=str(n), at_ms=n, amount=150.0 + n % 7), ("a", "s"), n)

    assert not begun
