"""What stands on the inputs before a run begins, drawn by a seed: taps and findings, and all that can be amiss."""

from functools import lru_cache
from random import Random
from typing import NamedTuple

from schemas.avro import avro_schema, encoder
from streams.runtime.bind import bind
from tests.schemas.in_process import InProcess
from tests.simulation.log import Log
from tests.streams.builders import EVENTS, LABELS, Finding, Tap, pipeline
from tests.streams.runtime.logs import Stored

REGISTRY = InProcess()
TAP = encoder(avro_schema(Tap), REGISTRY.register(EVENTS, avro_schema(Tap)))
FINDING = encoder(avro_schema(Finding), REGISTRY.register(LABELS, avro_schema(Finding)))
BINDING = bind(pipeline(), "score", prefix="", registry=REGISTRY, partitions=1)
OUTPUTS = [*(topic for topic, _ in BINDING.encoder.values.values()), BINDING.encoder.rejected]
START_MS = 1_000_000
CARDS = "abc"


class Drawn(NamedTuple):
    """Records of the inputs in the order of their offsets."""

    taps: list[Stored]
    findings: list[Stored]


def tap(number: int, at_ms: int, kafka_ms: int, **fields: float) -> Stored:
    card = CARDS[number % 3]
    value = TAP(Tap(tap_id=str(number), at_ms=at_ms, card=card, **fields).model_dump())
    return Stored(EVENTS, -1, kafka_ms, card.encode(), value)


def finding(number: int, known_ms: int, kafka_ms: int, *, fraud: bool) -> Stored:
    card = CARDS[number % 3]
    value = FINDING(Finding(tap_id=str(number), known_ms=known_ms, card=card, fraud=fraud).model_dump())
    return Stored(LABELS, -1, kafka_ms, card.encode(), value)


def draw(random: Random) -> Drawn:
    """16 to 32 taps, late, twice or broken now and then, and what becomes known of them: early, twice or never."""
    taps: list[Stored] = []
    known: list[Stored] = []
    now_ms = START_MS
    for number in range(random.randint(16, 32)):
        now_ms += random.choice((0, 1, 1, 3, 8, 25))
        taps += _taps(random, number, now_ms)
        known += _findings(random, number, now_ms)
    known.sort(key=lambda record: record.timestamp + random.choice((0, 0, 0, 40)))
    return Drawn(taps, known)


def _taps(random: Random, number: int, now_ms: int) -> list[Stored]:
    amount = random.lognormvariate(0, 1)
    made = tap(number, now_ms, now_ms, amount=amount)
    chance = random.random()
    if chance < 0.06:
        return [tap(number, now_ms - random.randint(1, 60), now_ms, amount=amount)]
    if chance < 0.12:
        return [made, made]
    if chance < 0.17:
        return [made, tap(number // 2, now_ms, now_ms, amount=amount)]
    if chance < 0.21:
        return [made._replace(value=b"nonsense"), made]
    if chance < 0.24:
        return [made._replace(key=b"wrong", headers=[("trace", b"x")])]
    if chance < 0.27:
        return [tap(number, now_ms, now_ms, amount=float("nan"))]
    if chance < 0.31:
        return [made._replace(timestamp=now_ms - 30)]
    return [made]


def _findings(random: Random, number: int, now_ms: int) -> list[Stored]:
    known_ms = now_ms + random.choice((-20, 0, 5, 20, 60, 130))
    fraud = random.random() < 0.4
    made = finding(number, known_ms, known_ms, fraud=fraud)
    chance = random.random()
    if chance < 0.15:
        return []
    if chance < 0.25:
        return [made, finding(number, known_ms + 10, known_ms + 10, fraud=fraud != (chance < 0.2))]
    if chance < 0.28:
        return [made, made._replace(value=None)]
    if chance < 0.32:
        return [made, finding(number + 1_000, known_ms, known_ms, fraud=fraud)]
    return [made]


@lru_cache(maxsize=256)
def _preloaded(seed: int) -> Log:
    """Inputs that were written in part by transactions, of which some were aborted."""
    log, random = Log(), Random(f"inputs {seed}")
    drawn = draw(random)
    for topic, records in ((EVENTS, drawn.taps), (LABELS, drawn.findings)):
        log.create(topic, "input")
        while records:
            many = random.randint(1, 30)
            _write(log, random, topic, records[:many])
            records = records[many:]
    return log


def preload(seed: int) -> Log:
    """A log of its own with all topics, and the inputs that `seed` draws."""
    log = Log()
    for topic in BINDING.topics:
        log.create(topic, "input")
        made, found = log.partition(topic), _preloaded(seed).partition(topic)
        made.slots, made.high = list(found.slots), found.high
    log.create(BINDING.ledger.topic, "ledger")
    log.create(BINDING.state_topic, "state")
    for topic in OUTPUTS:
        log.create(topic, "output")
    return log


def _write(log: Log, random: Random, topic: str, records: list[Stored]) -> None:
    if random.random() < 0.5:
        log.append(topic, records)
        return
    epoch = log.join("upstream")
    for aborted in (True, False) if random.random() < 0.4 else (False,):
        log.begin("upstream", epoch)
        for record in records[:3] if aborted else records:
            log.write("upstream", epoch, record)
        (log.abort if aborted else log.commit)("upstream", epoch)
