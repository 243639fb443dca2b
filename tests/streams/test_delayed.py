"""Windows of two entities, delayed or not, and rates of labels, against what a naive reader of the log finds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import fsum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streams.windows
from schemas.outcome import Outcome
from schemas.reject import Reject
from schemas.scored import Scored
from streams import Field, per
from streams.features import Features
from streams.score import ScoreStage
from streams.stage import Output, Record
from tests.streams.builders import DELAYED, Log, Tap, labels, pipeline
from tests.streams.logs import LOGS

MADE = pipeline(features=[Field("amount"), *DELAYED], labels=labels(horizon="60ms"))
KEPT_MS = 50

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


@dataclass
class Naive:
    """All events that were scored and all labels that were met, looked at again for each event."""

    events: list[Tap] = field(default_factory=list)
    at_ms: dict[str, int] = field(default_factory=dict)
    seen: list[Tap] = field(default_factory=list)
    known: dict[str, bool] = field(default_factory=dict)
    watermark_ms: int = 0

    def expected(self, tap: Tap) -> dict[str, float]:
        place = sum(1 for each in self.events if each.at_ms <= tap.at_ms)
        self.events.insert(place, tap)
        self.at_ms[tap.tap_id] = tap.at_ms
        self.seen = self.events[: place + 1]
        told = {"amount": tap.amount}
        for span in (20, 50):
            amounts = [amount for amount, _ in self._inside("card", tap, span, 0)]
            told[f"card.count.{span}ms"] = float(len(amounts))
            told[f"card.amount.sum.{span}ms"] = fsum(amounts)
            told[f"card.amount.min.{span}ms"] = min(amounts)
            told[f"card.amount.max.{span}ms"] = max(amounts)
            told[f"card.amount.variance.{span}ms"] = variance(amounts)
        for span in (5, 50):
            before = self._inside("card", tap, span, 0)[:-1]
            told[f"card.amount.last.{span}ms"] = before[-1][0] if before else -1.0
            told[f"card.since.{span}ms"] = (tap.at_ms - self.at_ms[before[-1][1]]) / 1_000 if before else 9.0
        for span in (10, 30):
            amounts = [amount for amount, _ in self._inside("shop", tap, span, 15)]
            told[f"shop.count.{span}ms.delay_15ms"] = float(len(amounts))
            told[f"shop.amount.mean.{span}ms.delay_15ms"] = mean(amounts) if amounts else -1.0
            told[f"shop.amount.variance.{span}ms.delay_15ms"] = variance(amounts) if amounts else 2.0
        told["shop.amount.min.30ms.delay_15ms"] = min(amounts, default=5.0)
        told["shop.amount.max.30ms.delay_15ms"] = max(amounts, default=6.0)
        told["shop.amount.last.30ms.delay_15ms"] = amounts[-1] if amounts else -1.0
        inside = self._inside("shop", tap, 30, 15)
        labelled = [self.known[tap_id] for _, tap_id in inside if tap_id in self.known]
        told["shop.rate.30ms.delay_15ms"] = sum(labelled) / len(inside) if inside else 0.0
        told["shop.rate.labelled.30ms.delay_15ms"] = sum(labelled) / len(labelled) if labelled else 0.5
        for span in (5, 20):
            inside = self._inside("card", tap, span, 0)
            told[f"card.rate.{span}ms"] = sum(self.known.get(tap_id, False) for _, tap_id in inside) / len(inside)
        return told

    def _inside(self, entity: str, tap: Tap, span_ms: int, delay_ms: int) -> list[tuple[float, str]]:
        end_ms = tap.at_ms - delay_ms
        seen = self.events if delay_ms else self.seen  # of equal times, those that came before
        return [
            (each.amount, each.tap_id)
            for each in seen
            if getattr(each, entity) == getattr(tap, entity) and end_ms - span_ms < each.at_ms <= end_ms
        ]

    def forgotten(self, tap: Tap, name: str) -> bool:
        """Whether a window begins where a history may have been forgotten already."""
        delay_ms = 15 if "delay" in name else 0
        span_ms = int(name.split("ms")[0].rsplit(".", 1)[1]) if "ms" in name else 0
        kept_ms = 45 if delay_ms else KEPT_MS
        return tap.at_ms - delay_ms - span_ms < self.watermark_ms - kept_ms


def told_and_expected(records: Sequence[Record]) -> list[tuple[dict[str, Any], dict[str, float]]]:
    """The vector of each event that is scored, and what the naive reader expects of it, of windows that are held."""
    stage, naive, found = ScoreStage(MADE), Naive(), []
    state = stage.initial(0)
    for record in records:
        for each in stage.fold(state, [record]):
            value = each.value if isinstance(each, Output) else None
            if isinstance(value, Scored):
                tap = record.value
                assert isinstance(tap, Tap)
                told = dict(zip(MADE.feature_names, value.features, strict=True))
                naive.watermark_ms = state.watermark_ms  # a repeated tap moves it too
                expected = naive.expected(tap)
                held = [name for name in told if not naive.forgotten(tap, name)]
                found.append(({n: told[n] for n in held}, {n: expected[n] for n in held}))
            elif isinstance(value, Outcome):
                naive.known[value.event_id] = value.target == 1.0
    return found


@given(records=st.one_of(LOGS, DENSE), compact_above=st.sampled_from([0, 32]))
def test_each_feature_is_what_a_naive_reader_finds(records: list[Record], compact_above: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams.windows, "COMPACT_ABOVE", compact_above)
        for told, expected in told_and_expected(records):
            assert told == expected


@given(moves=st.lists(st.tuples(st.sampled_from("st"), st.integers(-9, 9), st.booleans()), max_size=6))
def test_an_event_whose_sum_overflows_leaves_no_trace_in_any_window(moves: list[tuple[str, int, bool]]) -> None:
    features = Features(
        [
            per("card").over("20ms").count(),
            per("card").over("20ms", delay="3ms").rate("label", among="labelled"),
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
            features.label(states, ("a", shop), tap.at_ms, positive=truth)

    assert all("new" not in states.histories for states in struck)
    assert [sorted(s.deadlines) for s in struck] == [sorted(s.deadlines) for s in calm]
    features.expire(struck, 10_000)
    assert not any(states.histories for states in struck)
