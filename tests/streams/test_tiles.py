"""Windows of tiles, and means that decay, against what a naive reader of all events finds by their definitions."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, fsum

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from infra.skew.verbs import bits_of, cut, estimated
from schemas.reject import Reject
from streams import per, sketches
from streams.aggregate import EVERYTHING, Aggregate, Windows
from streams.features import Features
from streams.tiles import Layout, Tiles
from tests.streams.builders import COMPACT, Tap

DECAYED = [each for each in COMPACT if each.kind == "decayed"]
TILED = [each for each in COMPACT if each.kind == "tiled"]

AMOUNTS = st.one_of(
    st.floats(0, 1e3), st.sampled_from([0.1, 1e-300, 5e-324, 1e40, 101.0, 250.25]), st.integers(90, 110)
)
Move = tuple[str, str, str, int, float, bool]
"""What happens, of which card and shop, after how long or how late (ms), the amount, the truth."""

MOVES = st.lists(
    st.tuples(
        st.sampled_from(["tap"] * 5 + ["late", "label", "restart"]),
        st.sampled_from("ab"),
        st.sampled_from("st"),
        st.one_of(st.sampled_from([0, 1, 2, 5, 9, 10, 11]), st.integers(0, 70)),
        AMOUNTS.map(float),
        st.booleans(),
    ),
    min_size=15,
    max_size=45,
)


class Sizes(BaseModel):
    """Two amounts of one event."""

    large: float
    small: float


@dataclass
class Naive:
    """All events and their labels; what each aggregate is by its definition."""

    events: list[Tap] = field(default_factory=list)
    known: dict[str, bool] = field(default_factory=dict)
    lateness_ms: int = 0

    def expected(self, windows: Windows, tap: Tap) -> Iterator[float]:
        mine = [
            each
            for each in self.events
            if windows.entity == EVERYTHING or getattr(each, windows.entity) == getattr(tap, windows.entity)
            if windows.where is None or windows.where(each)
        ]
        if not windows.itself:
            mine = [each for each in mine if each is not tap]
        for aggregate in windows.aggregates:
            for span_ms in windows.spans_ms:
                if windows.kind == "tiled":
                    yield self._of_tiles(windows, aggregate, span_ms, mine, tap.at_ms)
                else:
                    yield decayed(mine, span_ms, aggregate.default or 0.0)

    def _of_tiles(self, windows: Windows, aggregate: Aggregate, span_ms: int, mine: Sequence[Tap], at_ms: int) -> float:
        of = windows.tile_ms
        longest = max(w.spans_ms[-1] for w in TILED if alike(w) == alike(windows))
        tiles = longest // of + -(-self.lateness_ms // of) + (-(-windows.delay_ms // of) + 1 if windows.delay else 0)
        counted: list[Tap] = []
        newest = -(10**9)  # tiles behind it by more than all are forgotten, and what comes for them
        for each in mine:
            newest = max(newest, each.at_ms // of)
            if each.at_ms // of > newest - tiles:
                counted.append(each)
        last = (at_ms - windows.delay_ms) // of - (1 if windows.delay else 0)
        first = last - span_ms // of
        inside = [each for each in counted if max(first, newest - tiles) < each.at_ms // of <= last]
        return self._value(windows, aggregate, inside)

    def _value(self, windows: Windows, aggregate: Aggregate, inside: Sequence[Tap]) -> float:
        amounts = [each.amount for each in inside]
        default = 0.0 if aggregate.default is None else aggregate.default
        if aggregate.verb == "count":
            return float(len(inside))
        if not inside:
            return default
        match aggregate.verb:
            case "sum":
                return fsum(amounts)
            case "mean":
                return float(sum(map(Fraction, amounts)) / len(amounts))
            case "min":
                return min(amounts)
            case "max":
                return max(amounts)
            case "distinct":
                return estimated({str(getattr(each, aggregate.field or "")) for each in inside})
            case "quantile":
                exact = sorted(amounts)[ceil(Fraction(aggregate.q) * len(amounts)) - 1]
                return cut(exact, max(map(bits_of, tiles_of(windows, inside))))
            case "variance":
                centre = sum(map(Fraction, amounts)) / len(amounts)
                return float(sum((Fraction(amount) - centre) ** 2 for amount in amounts) / len(amounts))
        known = [self.known[each.tap_id] for each in inside if each.tap_id in self.known]
        of = known if aggregate.among == "labelled" else inside
        return sum(known) / len(of) if of else default


def tiles_of(windows: Windows, inside: Sequence[Tap]) -> list[list[float]]:
    """The amounts of each tile."""
    tiles = defaultdict[int, list[float]](list)
    for each in inside:
        tiles[each.at_ms // windows.tile_ms].append(each.amount)
    return list(tiles.values())


def alike(windows: Windows) -> object:
    """What windows that share tiles have in common."""
    return windows.entity, windows.tile_ms, windows.delay, windows.where, windows.itself


def decayed(events: Sequence[Tap], half_life_ms: int, default: float) -> float:
    """The mean with weights as of the newest event."""
    if not events:
        return default
    newest_ms = max(each.at_ms for each in events)
    weights = [2.0 ** ((each.at_ms - newest_ms) / half_life_ms) for each in events]
    return fsum(w * each.amount for w, each in zip(weights, events, strict=True)) / fsum(weights)


def saved(features: Features, states: list[object]) -> dict[bytes, bytes]:
    return {key: value for key, value in features.save(states) if value is not None}  # type: ignore[arg-type]


def played(
    windows: Sequence[Windows], moves: Sequence[Move], lateness_ms: int = 0
) -> Iterator[tuple[list[float], list[float]]]:
    """The vector of each tap, and what the naive reader expects."""
    features, naive, now_ms = Features(windows, lateness_ms), Naive(lateness_ms=lateness_ms), 1_000
    states, topic = features.initial(), dict[bytes, bytes]()
    for n, (what, card, shop, step_ms, amount, truth) in enumerate(moves):
        if what == "label" and naive.events:
            tap = naive.events[max(len(naive.events) - 1 - step_ms, 0)]
            if tap.tap_id not in naive.known:
                outside = features.read(tap).outside
                features.label(states, (tap.card, tap.shop), tap.at_ms, outside, positive=truth)
                naive.known[tap.tap_id] = truth
        elif what == "restart":
            for key, page in features.save(states):
                if page is None:
                    del topic[key]
                else:
                    topic[key] = page
            states = features.restore(topic)
        else:
            now_ms += step_ms * (what == "tap")
            at_ms = now_ms - step_ms * (what == "late")
            tap = Tap(tap_id=str(n), at_ms=at_ms, card=card, shop=shop, amount=amount)
            told = features.vector(states, tap, (card, shop), at_ms)
            naive.events.append(tap)
            yield told, [value for each in windows for value in naive.expected(each, tap)]


@given(moves=MOVES, lateness_ms=st.sampled_from([0, 1, 25]))
def test_windows_of_tiles_are_what_a_naive_reader_finds(moves: list[Move], lateness_ms: int) -> None:
    names = Features(TILED).names
    for told, expected in played(TILED, moves, lateness_ms):
        assert dict(zip(names, told, strict=True)) == dict(zip(names, expected, strict=True))


@given(moves=MOVES, marks=st.integers(2, 4), buckets=st.integers(1, 3))
def test_sketches_with_room_for_less_are_what_a_naive_reader_finds(moves: list[Move], marks: int, buckets: int) -> None:
    sketched = [each for each in TILED if {"quantile", "distinct"} & {a.verb for a in each.aggregates}]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sketches, "MOST_MARKS", marks)
        patch.setattr(sketches, "MOST_BUCKETS", buckets)
        for told, expected in played(sketched, moves):
            assert told == expected


@given(moves=MOVES)
def test_a_decayed_mean_is_what_a_naive_reader_finds(moves: list[Move]) -> None:
    for told, expected in played(DECAYED, moves):
        assert told == pytest.approx(expected, rel=1e-12, abs=1e-300)


@given(moves=MOVES)
def test_a_rejected_event_leaves_no_trace_in_tiles_nor_in_what_decays(
    moves: list[Move],
) -> None:
    features = Features([*COMPACT, per("card").over("9000d").sum("amount")])
    struck, calm = features.initial(), features.initial()
    for states in (struck, calm):
        features.vector(states, Tap(tap_id="x", at_ms=1_000, amount=1.7e308), ("a", "s"), 1_000)
    now_ms = 2_000
    for n, (_, card, shop, step_ms, amount, _) in enumerate(moves):
        now_ms += step_ms
        huge = Tap(tap_id="huge", at_ms=now_ms - 2 * step_ms, card="a", shop=shop, amount=1.7e308)
        with pytest.raises(Reject, match="beyond the largest float"):
            features.vector(struck, huge, ("a", shop), huge.at_ms)
        tap = Tap(tap_id=str(n), at_ms=now_ms, card=card, shop=shop, amount=min(amount, 1e3))
        told = [features.vector(states, tap, (card, shop), now_ms) for states in (struck, calm)]
        assert told[0] == told[1]
    assert [sorted(s.deadlines) for s in struck] == [sorted(s.deadlines) for s in calm]
    assert list(map(written, struck)) == list(map(written, calm))


def written(state: object) -> dict[str, bytes]:
    histories = state.histories  # type: ignore[attr-defined]
    return {key: held if isinstance(held, bytes) else held.write() for key, held in histories.items()}


def test_what_is_asked_of_one_tile_length_is_in_one_ring() -> None:
    made = [
        per("card").over("1d", "30d", tile="1h").count(),
        per("card").over("7d", tile="1h").mean("amount", default=0),
    ]

    assert Features(made).groups == ("card.tile_3600000",)
    assert Features(made).names[-1] == "card.amount.mean.7d.tile_1h"


def test_thirty_days_of_tiles_take_less_than_a_kilobyte() -> None:
    layout = Layout(
        tile_ms=30 * 3_600_000, delay_ms=0, spans_ms=(30 * 86_400_000,), powers=((0, 1),), extremes=(), rated=False
    )
    tiles = Tiles(layout)
    for n in range(5_000):
        tiles.add(1_772_409_600_000 + n * 600_000, (19.99,))

    assert len(tiles.write()) <= 600


SCALES = st.tuples(st.floats(-1e9, 1e9), st.floats(-1e-9, 1e-9), st.integers(0, 30))


@given(values=st.lists(SCALES, min_size=1, max_size=20))
def test_sums_of_fields_of_different_scale_do_not_disturb_each_other(values: list[tuple[float, float, int]]) -> None:
    features = Features([per("c").over("20ms", tile="10ms").sum("large").sum("small")])
    states, now_ms, held = features.initial(), 1_000, list[tuple[int, float, float]]()
    for large, small, step_ms in values:
        now_ms += step_ms
        held.append((now_ms // 10, large, small))
        inside = [each for each in held if each[0] > now_ms // 10 - 2]

        told = features.vector(states, Sizes(large=large, small=small), ("a",), now_ms)

        assert told == [fsum(each[1] for each in inside), fsum(each[2] for each in inside)]


def test_labels_of_events_that_were_forgotten_with_their_key_are_not_counted() -> None:
    features = Features([per("card").over("2h", tile="1h").rate("label").count()])
    states, hour = features.initial(), 3_600_000
    tap = Tap(tap_id="x", at_ms=0)
    for at_ms in range(3):
        features.vector(states, tap, ("k",), at_ms)
    features.expire(states, 10 * hour)
    features.vector(states, tap, ("k",), 3)
    for at_ms in range(4):
        features.label(states, ("k",), at_ms, (), positive=True)

    assert features.vector(states, tap, ("k",), 4) == [0.5, 2.0]
