"""What a run must give, found without the machinery: all inputs in one naive order, folded in one batch."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from schemas.decode import own_decoder
from schemas.outcome import Outcome
from streams.runtime.codec import Message, decode
from streams.runtime.raw import Run
from tests.simulation.inputs import BINDING, CARDS, OUTPUTS, REGISTRY, START_MS, preload, tap
from tests.simulation.log import Log
from tests.streams.builders import EVENTS
from tests.streams.naive_join import NaiveJoin
from tests.streams.runtime.logs import Stored

PROBES = 9
_outcome = own_decoder(Outcome, REGISTRY)


class Expected(NamedTuple):
    """Per topic the outputs in order, what became of the records, and the scores of events that come afterwards."""

    outputs: dict[str, list[Message]]
    counts: Counter[str]
    probe: list[Message]


def in_order(log: Log) -> list[Stored]:
    """All input records by (running maximum of the timestamp, rank of the input, offset)."""
    placed = []
    for rank, topic in enumerate(BINDING.topics):
        high_ms, partition = 0, log.partition(topic)
        for record in partition.read(0, partition.high):
            high_ms = max(high_ms, record.timestamp)
            placed.append(((high_ms, rank, record.offset), record))
    return [record for _, record in sorted(placed, key=lambda each: each[0])]


def probe(log: Log) -> Run:
    """Taps that come after everything that stands on the log; they are not on it."""
    at = log.partition(EVENTS).high
    made = [
        tap(10_000 + n, START_MS + 5_000 + n, START_MS + 5_000, amount=n / 3)._replace(offset=at + n)
        for n in range(PROBES)
    ]
    assert {CARDS[n % 3] for n in range(PROBES)} == set(CARDS)
    return Run(EVENTS, at, at + PROBES, at + PROBES, made)


@lru_cache(maxsize=256)
def expected(seed: int) -> Expected:
    """What the inputs of `seed` give. Asserts that every record is accounted for as a naive join says."""
    log = preload(seed)
    sources = {source.topic: source for source in BINDING.sources}
    raws, stage = in_order(log), BINDING.stage
    records = [decode(sources[raw.topic], raw, 1) for raw in raws]
    state = stage.initial(0)
    messages = BINDING.encoder.encode(stage.fold(state, records), raws)
    outputs = {topic: [message for message in messages if message.topic == topic] for topic in OUTPUTS}
    naive = NaiveJoin(horizon_ms=100, remember_ms=100, skips_late=False, ahead_ms=1_000)
    for record in records:
        naive.add(record)
    counts = Counter(state.counts)
    _check(outputs, counts, naive)
    more = probe(log).records
    return Expected(outputs, counts, _scores(state, more))


def _scores(state: object, raws: Sequence[object]) -> list[Message]:
    source = BINDING.sources[-1]
    records = [decode(source, raw, 1) for raw in raws]  # type: ignore[arg-type]  # any raw record will do
    return BINDING.encoder.encode(BINDING.stage.fold(state, records), raws)  # type: ignore[arg-type]  # the same


def _check(outputs: dict[str, list[Message]], counts: Counter[str], naive: NaiveJoin) -> None:
    assert +counts == +naive.counts, f"{+counts} instead of {+naive.counts}"
    taught = [(told["event_id"], told["target"]) for told in map(_outcome_of, outputs["taps.outcomes"])]
    assert taught == [(event_id, float(truth)) for event_id, truth in naive.taught], "taught otherwise"
    assert len(outputs["taps.scored"]) == counts["events.scored"], "a score is missing"
    assert len(outputs["taps.rejected"]) == counts["events.rejected"] + counts["labels.rejected"], "a reject is missing"


def _outcome_of(message: Message) -> dict[str, object]:
    found: dict[str, object] = _outcome(message.value)
    return found
