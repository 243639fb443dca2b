"""What folding costs in a unit that no load on the machine changes: executed bytecodes and calls into C per record.

`python -m tests.bench.counted > tests/bench/counted.json` stores what the gate in `test_counted.py` compares with. What
happens inside C (pydantic, fastavro, msgspec) is not seen, only that it is called.
"""

import json
import sys
import sysconfig
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple

from infra.bench.stream import Stream
from infra.pipelines.payments import customers
from producers.known import Kind
from schemas.avro import avro_schema, encoder
from streams.runtime.bind import bind
from streams.runtime.raw import Run
from streams.runtime.task import Task
from tests.schemas.in_process import InProcess
from tests.streams.runtime.logs import Stored, whole

ROOT = Path(__file__).parents[2]
STORED = Path(__file__).with_suffix(".json")
STREAM = Stream(keys=20, step_ms=8_640_000, label_after=70)
WARM, EVENTS = 1_000, 200
"""So many payments come first and are not counted, so many are; with the labels that come with each."""

Counts = dict[str, Any]


class Log(NamedTuple):
    """A task, with what it is to fold before and while it is counted."""

    task: Task
    before: list[Run]
    counted: list[Run]
    records: int


def log() -> Log:
    """The score stage of what is benchmarked, without Kafka."""
    labels = customers.labels
    assert labels is not None
    assert labels.event is not None
    registry, topics = InProcess(), customers.topics("")
    encode = {}
    for kind, topic, model in (
        (Kind.EVENT, topics.events, customers.event),
        (Kind.LABEL, topics.labels, labels.event),
    ):
        schema = avro_schema(model)
        encode[kind] = topic, encoder(schema, registry.register(topic, schema))
    binding = bind(customers, "score", prefix="", registry=registry, partitions=1)
    stored: dict[str, list[Stored]] = {topic: [] for topic, _ in encode.values()}
    cuts: dict[str, int] = {}
    for start, end in ((0, WARM), (WARM, WARM + EVENTS)):
        cuts = {topic: len(records) for topic, records in stored.items()}
        for kind, key, fields, time_ms in STREAM.records(start, end):
            topic, write = encode[kind]
            stored[topic].append(Stored(topic, len(stored[topic]), time_ms, key, write(fields)))
    behind = [Run(t, cuts[t], len(all_), len(all_), all_[cuts[t] :]) for t, all_ in stored.items()]
    return Log(
        task=Task(binding, 0, dict.fromkeys(binding.topics, 0)),
        before=[whole(topic, records[: cuts[topic]]) for topic, records in stored.items()],
        counted=behind,
        records=sum(len(run.records) for run in behind),
    )


def fold(task: Task, runs: list[Run]) -> None:
    """All of `runs`: order, decoding, folding, encoding, what the ledger is told."""
    for run in runs:
        assert task.deliver(run)
    while task.step() is not None:
        pass


def counted() -> Counts:
    """Per record, of each place in the code and of all: bytecodes, and calls into C."""
    task, before, runs, records = log()
    fold(task, before)
    bytecodes, calls = Counter[CodeType](), Counter[CodeType]()
    _traced(lambda: fold(task, runs), bytecodes, calls)
    return {
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "bytecodes": _per_record(bytecodes, records),
        "calls": _per_record(calls, records),
    }


def _traced(run: Callable[[], None], bytecodes: Counter[CodeType], calls: Counter[CodeType]) -> None:
    def opcode(frame: FrameType, event: str, _: Any) -> Any:
        if event == "opcode":
            bytecodes[frame.f_code] += 1
        return opcode

    def call(frame: FrameType, event: str, _: Any) -> Any:  # noqa: ARG001 (Python's signature)
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return opcode

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "c_call":
            calls[frame.f_code] += 1

    sys.settrace(call)
    sys.setprofile(profile)
    try:
        run()
    finally:
        sys.setprofile(None)
        sys.settrace(None)


def _per_record(counts: Counter[CodeType], records: int) -> dict[str, float]:
    places = Counter[str]()
    for code, count in counts.items():
        places[_place(code.co_filename)] += count
    each = {place: round(count / records, 2) for place, count in places.most_common() if count >= records / 10}
    return {"all": round(counts.total() / records, 2), **each}


def _place(filename: str) -> str:
    """A file of ours, a package of others, or what was generated."""
    path = Path(filename)
    if filename.startswith("<"):
        return "generated"
    packages = Path(sysconfig.get_path("purelib"))  # which may lie within ours
    if path.is_relative_to(packages):
        return path.relative_to(packages).parts[0]
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else "python"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(counted(), indent=2) + "\n")
