"""Bytewax: a source of both topics, one stateful step that takes batches, a sink. At least once, without recovery.

Run as `python -m tests.bench.neighbours.bytewax_flow SPEC.json`, in the neighbours' environment.
"""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators import StatefulBatchLogic
from bytewax.run import cli_main

from tests.bench.neighbours.fold import Fold, Raw, Spec, Tables


class Folding(StatefulBatchLogic):  # type: ignore[misc]  # of an environment of its own: Any to mypy
    """All of one partition: its tables, and the model."""

    def __init__(self, spec: Spec) -> None:
        self._fold, self._tables = Fold(spec), Tables({}, {}, {})
        self._events = spec["topics"]["events"]

    def on_batch(self, values: list[KafkaSourceMessage]) -> tuple[Iterable[KafkaSinkMessage], bool]:
        """What comes out of a batch; the logic stays."""
        out = []
        for each in values:
            raw = Raw(each.key, each.value, each.timestamp[1], each.offset)
            folded = (self._fold.event if each.topic == self._events else self._fold.label)(raw, self._tables)
            out += [KafkaSinkMessage(o.key, o.value, topic=o.topic, timestamp=o.timestamp_ms) for o in folded]
        return out, False

    def snapshot(self) -> Any:
        """Asked for with recovery alone, which is off."""
        return self._fold, self._tables


def flow(spec: Spec) -> Dataflow:
    """Topics in, topics out."""
    flow, servers, topics = Dataflow("neighbour"), [spec["kafka"]], spec["topics"]
    messages = op.input("in", flow, KafkaSource(servers, [topics["events"], topics["labels"]]))
    keyed = op.key_on("partition", messages, lambda message: str(message.partition))
    folded = op.stateful_batch("fold", keyed, lambda _: Folding(spec))
    sink = KafkaSink(servers, None, add_config={"linger.ms": "5", "compression.type": "lz4"})
    op.output("out", op.key_rm("message", folded), sink)
    return flow


if __name__ == "__main__":
    cli_main(flow(json.loads(Path(sys.argv[1]).read_bytes())))
