"""The hand loop beside live events, in transactions, until it is ended.

Run as `python -m infra.bench.hand_live TARGET`, with a prefix in the environment as a worker has it.
"""

import sys

from infra.bench.hand_forms import Transactional, validated
from infra.garbage import seldom
from infra.settings import Settings, librdkafka, schema_registry
from schemas.registry import Registry
from streams.load import load


def score(target: str, settings: Settings) -> None:
    """Go on without end. Raises `Problem` where Kafka does not answer."""
    pipeline = load(target)
    topics = pipeline.topics(settings.topic_prefix)
    with Registry(schema_registry(settings)) as registry:
        loop = Transactional(pipeline, topics, topics, librdkafka(settings), registry, validated)
        seldom()
        for _ in loop.chunks():
            pass


if __name__ == "__main__":
    score(sys.argv[1], Settings())
