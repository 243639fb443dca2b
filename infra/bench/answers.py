"""What an arm that was stopped in the middle has said of each payment: nothing lost, doubled, or seen otherwise."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from infra.bench.stream import Stream
from infra.settings import Settings, librdkafka, schema_registry
from schemas.decode import own_decoder
from schemas.outcome import Outcome
from schemas.registry import Registry
from schemas.scored import Scored
from streams.pipeline import Pipeline
from streams.runtime.kafka import RealKafka


class Answer(NamedTuple):
    """What was said of one payment: by hash, what the model saw; the score itself."""

    event_id: str
    seen: int
    score: float


class Answers(NamedTuple):
    """All visible records of one topic in order, and where each stands."""

    offsets: Sequence[int]
    said: Sequence[Answer]


def read(pipeline: Pipeline, settings: Settings) -> Mapping[str, Answers]:
    """By the topic's last part: all committed records of partition 0."""
    kafka, named = RealKafka(librdkafka(settings)), pipeline.topics(settings.topic_prefix)
    found = {}
    with Registry(schema_registry(settings)) as registry:
        for model in (Scored, Outcome):
            decode, topic = own_decoder(model, registry), named.named(model.TOPIC)
            offsets, said = [], []
            for run in kafka.read(topic, 0, kafka.bounds(topic, 0)[0]):
                for raw in run.records:
                    fields = decode(raw.value)
                    seen = hash((fields["event_time_ms"], *fields["features"]))
                    offsets.append(raw.offset)
                    said.append(Answer(fields["event_id"], seen, fields["score"]))
            found[model.TOPIC] = Answers(offsets, said)
    kafka.close()
    return found


def wrong(name: str, found: Mapping[str, Answers], ours: Mapping[str, Answers], stream: Stream) -> list[str]:
    """Where a topic is not the first payments in their order, each once, with the vectors of `ours`.

    Scores are not compared: which labels the model had learnt when a payment came depends on how the two inputs meet,
    which is defined in Millrace alone.
    """
    reasons = []
    for topic, (_, said) in found.items():
        first = next((n for n, answer in enumerate(said) if answer.event_id != stream.event_id(n)), None)
        if first is not None:
            reasons.append(f"{name}: record {first:,} of {topic} is about {said[first].event_id}: lost or doubled")
            continue
        pairs = zip(said, ours[Scored.TOPIC].said, strict=False)
        other = next((answer.event_id for answer, own in pairs if answer.seen != own.seen), None)
        if other is not None:
            reasons.append(f"{name}: {topic} has another vector for {other}")
    if len(found[Outcome.TOPIC].said) > len(found[Scored.TOPIC].said):
        reasons.append(f"{name}: there are more outcomes than scores")
    return reasons


def same_scores(found: Mapping[str, Answers], ours: Mapping[str, Answers]) -> float:
    """The share of scores that are those of `ours`, among payments that both have scored."""
    pairs = list(zip(found[Scored.TOPIC].said, ours[Scored.TOPIC].said, strict=False))
    return sum(a.score == b.score for a, b in pairs) / len(pairs) if pairs else 0.0
