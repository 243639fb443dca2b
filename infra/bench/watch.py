"""Sees scores as a reader of committed records does, in a process of its own: when each came, and what it says.

Run as `python -m infra.bench.watch SPEC.json`, until all have come, or SIGTERM.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, TopicPartition

from infra.settings import Settings, librdkafka
from schemas.problem import Problem

BEGUN = "watching"
"""What the process says when it is ready."""

WAIT_S = 0.1
CHUNK = 1_000
WITHIN_S = 30.0


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """So many records of partition 0 of this topic, behind what it holds now."""

    topic: str
    records: int
    seen: str


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """One record: when it was there, by the monotonic clock; its Kafka timestamp, offset and value."""

    at_s: float
    time_ms: int
    offset: int
    value: bytes


def watch(spec: Watch, settings: Settings, stopped: Callable[[], bool]) -> list[Seen]:
    """What came. Raises `Problem` where Kafka does not give it."""
    told = {"group.id": "nobody", "enable.auto.commit": False, "isolation.level": "read_committed"}
    consumer = Consumer({**librdkafka(settings), **told})
    place = TopicPartition(spec.topic, 0)
    place.offset = consumer.get_watermark_offsets(place, timeout=WITHIN_S)[1]
    consumer.assign([place])
    sys.stdout.write(f"{BEGUN}\n")
    sys.stdout.flush()
    seen: list[Seen] = []
    while len(seen) < spec.records and not stopped():
        first = consumer.consume(1, WAIT_S)
        messages = [*first, *consumer.consume(CHUNK, 0)] if first else first
        at_s = time.monotonic()
        for message in messages:
            if message.error() is not None:
                raise Problem(f"Kafka does not give the scores: {message.error()}")
            seen.append(Seen(at_s, message.timestamp()[1], message.offset() or 0, message.value() or b""))
    consumer.close()
    return seen


if __name__ == "__main__":
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    given = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Watch)
    Path(given.seen).write_bytes(msgspec.msgpack.encode(watch(given, Settings(), stop.is_set)))
