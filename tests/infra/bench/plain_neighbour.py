"""A neighbour without a framework, and in its form `losing` one that loses an output."""

import json
import signal
import sys
from pathlib import Path

from confluent_kafka import Consumer, Producer

from tests.bench.neighbours.fold import Fold, Raw, Spec, Tables

LOST = 50
"""The place of the output that goes missing."""


def main(spec: Spec) -> None:
    """Run until told to end."""
    consumer = Consumer(
        {"bootstrap.servers": spec["kafka"], "group.id": spec["group"], "auto.offset.reset": "earliest"}
    )
    producer = Producer({"bootstrap.servers": spec["kafka"]})
    fold, tables, topics = Fold(spec), Tables({}, {}, {}), spec["topics"]
    steps, left = {topics["events"]: fold.event, topics["labels"]: fold.label}, LOST
    consumer.subscribe(list(steps))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        while True:
            for message in consumer.consume(100, timeout=0.1):
                key, value = message.key(), message.value()
                assert isinstance(key, bytes)
                assert value is not None
                raw = Raw(key, value, message.timestamp()[1], message.offset() or 0)
                for out in steps[message.topic() or ""](raw, tables):
                    left -= 1
                    if left or spec["form"] != "losing":
                        producer.produce(out.topic, key=out.key, value=out.value, timestamp=out.timestamp_ms)
            producer.poll(0)
    finally:
        producer.flush()  # else an outcome may stand there whose score does not


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_bytes()))
