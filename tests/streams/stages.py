"""The stages of a pipeline on several partitions, run in memory: what one passes on is read by the next at once."""

from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import fastavro

from schemas.avro import HEADER_BYTES, avro_schema
from schemas.encode import own_encoder
from schemas.passed import Passed
from streams import Pipeline
from streams.answer import Answer
from streams.passing import Passing
from streams.plan import key_of, steps
from streams.runtime.bind import stage_of
from streams.stage import Emitted, Output, Record, Role

_SCHEMA = fastavro.parse_schema(avro_schema(Passed))
_write = own_encoder(avro_schema(Passed), 1)

Place = Callable[[bytes], int]
"""The partition of a key."""


class Chain:
    """Every stage with a state per partition; `place` says where a key lies.

    `emitted` holds, per stage, what it gave, and `read` what it read, each in order.
    """

    def __init__(self, made: Pipeline, partitions: int, place: Place) -> None:
        self._made = made
        self.way, self._place = steps(made, partitions), place
        self.stages: list[Any] = [stage_of(made, self.way, step) for step in self.way]
        self.states = [[stage.initial(p) for p in range(partitions)] for stage in self.stages]
        self.emitted: list[list[Emitted]] = [[] for _ in self.way]
        self.read: list[dict[int, list[Record]]] = [{p: [] for p in range(partitions)} for _ in self.way]
        self._passing = Passing(made.compiled)

    def fold(self, records: Sequence[Record]) -> "Chain":
        for record in records:
            self._step(0, record, self._place(record.key or b""))
        return self

    def ask(self, event: Any, key: bytes, at_ms: int) -> Answer:
        """What the stages say of an event with this key, one after the other; raises what they refuse it with."""
        asked, partition = event, self._place(key)
        for n, stage in enumerate(self.stages):
            answer = stage.answers.answer(self.states[n][partition], asked, at_ms)
            if isinstance(answer, Answer):
                return answer
            message = Passed.model_validate_json(self._passing.event(answer).model_dump_json())
            asked = self._passing.read(message.__dict__)
            following = key_of(self._made, self.way[n].following or "")
            partition = self._place(following(asked.facts.keys).encode())
        raise AssertionError("the last stage answers")

    def _step(self, n: int, record: Record, partition: int) -> None:
        self.read[n][partition].append(record)
        emitted = self.stages[n].fold(self.states[n][partition], [record])
        self.emitted[n] += emitted
        for each in emitted:
            if isinstance(each, Output) and isinstance(each.value, Passed):
                to = self._place(each.key)
                self._step(n + 1, self._passed(each, to, len(self.read[n + 1][to])), to)

    def _passed(self, output: Output, partition: int, offset: int) -> Record:
        """As the next stage reads it: written and read as Avro."""
        buffer = BytesIO(_write(output.value.__dict__)[HEADER_BYTES:])
        row: Any = fastavro.schemaless_reader(buffer, _SCHEMA, None)
        value = self._passing.read(row)
        return Record(value.role, "passed", partition, offset, output.timestamp_ms, output.key, value)


def roles(records: Sequence[Record], role: Role) -> int:
    """How many records have this role."""
    return sum(record.role is role for record in records)
