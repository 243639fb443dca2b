"""Streams of taps and findings as Hypothesis draws them: early, late, repeated, contradictory, broken."""

from hypothesis import strategies as st

from schemas.reject import Reason, Reject
from streams.stage import Record
from tests.streams.builders import Finding, Log, Tap

Move = tuple[str, str, int, float, bool]
"""What happens, to which id, how far from now (ms), the amount, the truth."""

MOVES = st.tuples(
    st.sampled_from(
        ["tap"] * 6 + ["finding"] * 6 + ["ahead", "finding ahead", "nan", "undecoded tap", "undecoded finding"]
    ),
    st.integers(0, 14).map(str),
    st.one_of(st.sampled_from([0, 0, 1, 5, 30]), st.integers(-130, 60)),
    st.floats(0, 1e3),
    st.booleans(),
)


def log_of(moves: list[Move]) -> list[Record]:
    log, now_ms = Log(), 1_000
    for what, tap_id, step_ms, amount, fraud in moves:
        at_ms = now_ms + step_ms
        card = "abc"[int(tap_id) % 3]
        if what == "tap":
            now_ms = max(now_ms, at_ms)
            shop = "st"[int(amount) % 2]
            log.event(Tap(tap_id=tap_id, at_ms=at_ms, card=card, shop=shop, amount=amount), at_ms, card.encode())
        elif what == "finding":
            log.label(Finding(tap_id=tap_id, known_ms=at_ms, card=card, fraud=fraud), at_ms, card.encode())
        elif what == "ahead":
            log.tap(tap_id, now_ms + 5_000, kafka_ms=now_ms)
        elif what == "finding ahead":
            finding = Finding(tap_id=tap_id, known_ms=now_ms + 5_000, card=card, fraud=fraud)
            log.label(finding, now_ms, card.encode())
        elif what == "nan":
            log.tap(tap_id, now_ms, amount=float("nan"))
        elif what == "undecoded tap":
            log.event(Reject(Reason.UNREADABLE, "cut off"), now_ms)
        else:
            log.label(Reject(Reason.NOT_AVRO, "no Avro"), now_ms)
    return log.records


LOGS = st.lists(MOVES, max_size=70).map(log_of)
