"""Idiomatic Faust: an agent per topic, tables, an awaited send per output. The form `in_memory` has dictionaries.

Run as `python -m tests.bench.neighbours.faust_app SPEC.json`, in the neighbours' environment.
"""

import json
import sys
from pathlib import Path
from typing import Any

import faust

from tests.bench.neighbours.fold import Fold, Raw, Spec, Tables


def app_of(spec: Spec) -> faust.App:
    """The app, as its documentation writes one."""
    app = faust.App(
        spec["group"],
        broker=f"kafka://{spec['kafka']}",
        value_serializer="raw",
        key_serializer="raw",
        topic_partitions=1,
        topic_disable_leader=True,
        web_enabled=False,
        datadir=spec["folder"],
        producer_compression_type="lz4",
        producer_linger_ms=5,
    )
    topics = {name: app.topic(topic, value_type=bytes, key_type=bytes) for name, topic in spec["topics"].items()}
    sinks = {topic.get_topic_name(): topic for topic in topics.values()}
    fold = Fold(spec)
    if spec["form"] == "in_memory":
        tables = Tables({}, {}, {})
    else:
        kept: dict[str, Any] = {"partitions": 1, "key_type": str, "value_type": None}
        tables = Tables(*(app.Table(name, **kept) for name in Tables._fields))

    def agent(name: str, step: Any) -> None:
        async def folds(stream: Any) -> None:
            async for event in stream.events():
                message = event.message
                raw = Raw(message.key, message.value, round(message.timestamp * 1000), message.offset)
                for out in step(raw, tables):
                    await sinks[out.topic].send(key=out.key, value=out.value, timestamp=out.timestamp_ms / 1000)

        app.agent(topics[name], name=name)(folds)

    agent("events", fold.event)
    agent("labels", fold.label)
    return app


if __name__ == "__main__":
    app = app_of(json.loads(Path(sys.argv[1]).read_bytes()))
    app.worker_init()
    faust.Worker(app, loglevel="warn").execute_from_commandline()
