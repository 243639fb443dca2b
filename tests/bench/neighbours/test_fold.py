"""The neighbours' fold says what Millrace says, so that what is compared is the frameworks around it."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from pydantic import BaseModel

from infra.bench.stream import Sent, Stream
from infra.pipelines.payments import customers
from producers.known import Kind
from schemas.avro import avro_schema, encoder
from schemas.outcome import Outcome
from schemas.payment import Chargeback, Payment
from schemas.scored import Scored
from streams.score import ScoreStage
from streams.stage import Output, Record, Role
from tests.bench.neighbours.fold import Fold, Out, Raw, Spec, Tables, window

ROOT = Path(__file__).parents[3]
MODELS: dict[int, type[BaseModel]] = {1: Payment, 2: Chargeback, 3: Scored, 4: Outcome}
STREAM = Stream(keys=20, step_ms=7_200_000, label_after=300)
EVENTS = 1_500
SHARED = ("aiokafka", "fastavro", "faust-streaming", "numpy", "river")
"""What both sides run on in the same version. Quix Streams holds pydantic and confluent-kafka back."""


def spec() -> Spec:
    return {
        "kafka": "",
        "group": "",
        "form": "",
        "folder": "",
        "topics": {name: name for name in ("events", "labels", "scored", "outcomes")},
        "schemas": {str(number): avro_schema(model) for number, model in MODELS.items()},
        "writes": {"scored": 3, "outcomes": 4},
        "feature_names": list(customers.feature_names),
        "feature_set": customers.feature_set,
        "digest": customers.digest,
    }


def raws(records: Iterator[Sent]) -> Iterator[tuple[Kind, Raw]]:
    encode = {Kind.EVENT: encoder(avro_schema(Payment), 1), Kind.LABEL: encoder(avro_schema(Chargeback), 2)}
    offsets = dict.fromkeys(Kind, 0)
    for kind, key, fields, time_ms in records:
        yield kind, Raw(key, encode[kind](fields), time_ms, offsets[kind])
        offsets[kind] += 1


def read(out: Out) -> tuple[str, Any]:
    schema = fastavro.parse_schema(avro_schema(MODELS[out.value[4]]))
    return out.topic, fastavro.schemaless_reader(BytesIO(out.value[5:]), schema, None)


def of_the_fold(given: list[tuple[Kind, Raw]]) -> list[tuple[str, Any]]:
    fold, tables = Fold(spec()), Tables({}, {}, {})
    steps = {Kind.EVENT: fold.event, Kind.LABEL: fold.label}
    return [read(out) for kind, raw in given for out in steps[kind](raw, tables)]


def of_millrace(records: Iterator[Sent]) -> list[tuple[str, Any]]:
    stage = ScoreStage(customers)
    state = stage.initial(0)
    roles: dict[Kind, tuple[Role, str, type[BaseModel]]] = {
        Kind.EVENT: (Role.EVENTS, "events", Payment),
        Kind.LABEL: (Role.LABELS, "labels", Chargeback),
    }
    offsets, folded = dict.fromkeys(Kind, 0), []
    for kind, key, fields, time_ms in records:
        role, topic, model = roles[kind]
        folded.append(Record(role, topic, 0, offsets[kind], time_ms, key, model.model_validate(fields)))
        offsets[kind] += 1
    emitted = stage.fold(state, folded)
    return [(each.value.TOPIC, each.value.model_dump()) for each in emitted if isinstance(each, Output)]


def test_the_neighbours_fold_equals_millrace_in_every_field() -> None:
    ours = of_millrace(STREAM.records(0, EVENTS))

    assert len(ours) == EVENTS + STREAM.labels(EVENTS)
    assert of_the_fold(list(raws(STREAM.records(0, EVENTS)))) == ours


def test_labels_that_come_first_wait_and_every_vector_is_the_same() -> None:
    labels_first = sorted(raws(STREAM.records(0, EVENTS)), key=lambda each: each[0] is Kind.EVENT)
    found = of_the_fold(labels_first)
    ours = of_millrace(STREAM.records(0, EVENTS))

    for topic in ("scored", "outcomes"):
        pairs = [{each["event_id"]: each["features"] for name, each in said if name == topic} for said in (found, ours)]
        assert pairs[0] == pairs[1]
    assert len(found) == len(ours)


def test_what_the_fold_does_not_do_is_an_error() -> None:
    histories: dict[str, Any] = {}
    window(histories, "c", 1_000, 1.5)

    with pytest.raises(ValueError, match="comes late"):
        window(histories, "c", 999, 1.5)
    with pytest.raises(ValueError, match="an amount below 1"):
        window(histories, "c", 1_001, 0.1)


def test_both_sides_run_on_the_same_versions() -> None:
    ours, theirs = (
        set(re.findall(r"^([a-z-]+)==([0-9.]+)", (ROOT / path).read_text(), re.MULTILINE))
        for path in ("requirements.lock", "tests/bench/neighbours/requirements.lock")
    )

    assert {pin for pin in theirs if pin[0] in SHARED} <= ours
