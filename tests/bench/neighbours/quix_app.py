"""Quix Streams: both topics as one dataframe, one step. Forms: at least once, exactly once, and without its state.

Run as `python -m tests.bench.neighbours.quix_app SPEC.json`, in the neighbours' environment.
"""

import json
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

from quixstreams import Application, State, message_context
from quixstreams.models import SerializationContext, Serializer

from tests.bench.neighbours.fold import Fold, Out, Raw, Spec, Tables

GUARANTEES = {"exactly_once": "exactly-once"}


class Stored(MutableMapping[str, Any]):
    """Part of what Quix stores of a message's key (RocksDB, and a changelog topic), as a mapping."""

    def __init__(self, state: State, name: str) -> None:
        self._state, self._name = state, name

    def __getitem__(self, key: str) -> Any:
        found = self._state.get(f"{self._name}/{key}")
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: str, value: Any) -> None:
        self._state.set(f"{self._name}/{key}", value)

    def __delitem__(self, key: str) -> None:
        self._state.delete(f"{self._name}/{key}")

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError("Quix does not walk its state")

    def __len__(self) -> int:
        raise NotImplementedError("Quix does not count its state")


class Encoded(Serializer):  # type: ignore[misc]  # of an environment of its own: Any to mypy
    """Takes messages that are encoded already."""

    def __call__(self, value: Out, ctx: SerializationContext) -> bytes:  # noqa: ARG002 (Quix's signature)
        return value.value


def main(spec: Spec) -> None:
    """Run until told to end."""
    app = Application(
        broker_address=spec["kafka"],
        consumer_group=spec["group"],
        auto_offset_reset="earliest",
        processing_guarantee=GUARANTEES.get(spec["form"], "at-least-once"),
        commit_interval=1.0,  # its 5 s would be the delay of what it commits exactly once
        state_dir=spec["folder"],
        producer_extra_config={"linger.ms": 5, "compression.type": "lz4"},
    )
    raw: dict[str, Any] = {"key_deserializer": "bytes", "value_deserializer": "bytes"}
    as_is: dict[str, Any] = {"key_serializer": "bytes", "value_serializer": Encoded()}
    topics = spec["topics"]
    ends = {topics[name]: app.topic(topics[name], **as_is) for name in ("scored", "outcomes")}
    fold, kept = Fold(spec), Tables({}, {}, {})
    of = {topics["events"]: fold.event, topics["labels"]: fold.label}

    def folded(value: bytes, key: bytes, timestamp: int, tables: Tables) -> list[Out]:
        context = message_context()
        return of[context.topic](Raw(key, value, timestamp, context.offset), tables)

    def stored(value: bytes, key: bytes, timestamp: int, _: Any, state: State) -> list[Out]:
        return folded(value, key, timestamp, Tables(*(Stored(state, name) for name in Tables._fields)))

    def in_memory(value: bytes, key: bytes, timestamp: int, _: Any) -> list[Out]:
        return folded(value, key, timestamp, kept)

    inputs = [app.dataframe(app.topic(topics[name], **raw)) for name in ("events", "labels")]
    if spec["form"] == "in_memory":
        outputs = [each.apply(in_memory, expand=True, metadata=True) for each in inputs]
    else:
        both = inputs[0].concat(inputs[1])  # so that they share their state
        outputs = [both.apply(stored, expand=True, metadata=True, stateful=True)]
    for out in outputs:
        out.to_topic(lambda value, *_: ends[value.topic])
    app.run()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_bytes()))
