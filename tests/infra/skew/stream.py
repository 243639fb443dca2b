"""A generated stream of taps and findings: late, repeated, labelled before they come, at times that meet edges."""

from collections.abc import Sequence
from random import Random

from streams.stage import Record
from tests.streams.builders import Finding, Log, Tap

STEP_MS = 5


def taps(many: int, seed: int = 7) -> list[Record]:
    """`many` taps of a few cards and shops: one in eight late, one in twenty repeated, most labelled, some before."""
    draw, log, now_ms = Random(seed), Log(), 1_000
    made: list[Tap] = []
    for number in range(many):
        now_ms += STEP_MS * draw.choice((0, 1, 1, 2, 3))
        late_ms = STEP_MS * draw.randint(1, 8) if draw.random() < 0.12 else 0
        amount = round(draw.lognormvariate(3.0, 1.0), 2)
        card, shop = draw.choice("abc"), draw.choice("st")
        made.append(Tap(tap_id=str(number), at_ms=now_ms - late_ms, card=card, shop=shop, amount=amount))
        log.event(made[-1], now_ms, card.encode())
        if draw.random() < 0.05:
            log.event(draw.choice(made[-4:]), now_ms)
        if draw.random() < 0.7:
            _find(log, draw.choice(made[-12:]), now_ms, draw)
        if draw.random() < 0.3:
            log.finding(str(number + draw.randint(1, 6)), now_ms, fraud=draw.random() < 0.5)
    return log.records


def _find(log: Log, tap: Tap, now_ms: int, draw: Random) -> None:
    """A label; now and then a second one, which may say something else."""
    log.label(Finding(tap_id=tap.tap_id, known_ms=now_ms, card=tap.card, fraud=tap.amount > 20.0), now_ms)
    if draw.random() < 0.05:
        log.label(Finding(tap_id=tap.tap_id, known_ms=now_ms, card=tap.card, fraud=draw.random() < 0.5), now_ms)


def late_share(records: Sequence[Record]) -> float:
    """The share of the taps that are older than one before them."""
    newest_ms, late, many = 0, 0, 0
    for record in records:
        if isinstance(record.value, Tap):
            late += record.value.at_ms < newest_ms
            many += 1
            newest_ms = max(newest_ms, record.value.at_ms)
    return late / many
