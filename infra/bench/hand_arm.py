"""The arms that are written by hand, timed as the others are."""

import time
from collections.abc import Callable
from typing import Any

from infra.bench.arm import Spec
from infra.bench.hand_forms import Transactional, unvalidated, validated
from infra.bench.hand_loop import HandLoop
from infra.bench.stopwatch import Lap
from infra.garbage import seldom
from infra.settings import Settings, librdkafka, schema_registry
from schemas.registry import Registry
from streams.load import load


class Hand:
    """At least once."""

    loop: type[HandLoop] = HandLoop
    read: Callable[..., Any] = staticmethod(validated)

    @classmethod
    def run(cls, spec: Spec, settings: Settings) -> list[Lap]:
        """Fold until all that is preloaded is; the last lap is behind the last commit."""
        pipeline = load(spec.target)
        inputs, outputs = pipeline.topics(spec.inputs_prefix), pipeline.topics(settings.topic_prefix)
        laps: list[Lap] = []
        with Registry(schema_registry(settings)) as registry:
            loop = cls.loop(pipeline, inputs, outputs, librdkafka(settings), registry, cls.read)
            seldom()
            for done in loop.chunks():
                if all(done[topic] >= end for topic, end in spec.until.items()):
                    break
                laps.append(_lap(done))
            loop.close()
            laps.append(_lap(loop.done))
        return laps


class HandUnvalidated(Hand):
    """At least once, and what is read is not checked."""

    read = staticmethod(unvalidated)


class HandTransactional(Hand):
    """Exactly once, but for the state, which nobody saves."""

    loop = Transactional


def _lap(done: dict[str, int]) -> Lap:
    return Lap(time.perf_counter(), time.process_time(), sum(done.values()), 0.0)
