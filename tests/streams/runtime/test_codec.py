"""Records on their way in and out: the place of a key, what a reject carries, and one group of a whole task."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.avro import avro_schema, encoder
from schemas.decode import input_decoder, own_decoder
from schemas.outcome import Outcome
from schemas.reject import HEADER_PREFIX, LONGEST, Reason, Reject
from schemas.scored import Scored
from streams.runtime.bind import bind
from streams.runtime.codec import Message, Source, decode
from streams.runtime.partition import partition_of
from streams.runtime.raw import Run
from streams.runtime.task import Group, Task
from streams.stage import Record, Role
from tests.schemas.in_process import InProcess
from tests.streams.builders import Finding, Tap, pipeline
from tests.streams.runtime.logs import Stored

REGISTRY = InProcess()
TAP = encoder(avro_schema(Tap), REGISTRY.register("taps.events", avro_schema(Tap)))
FINDING = encoder(avro_schema(Finding), REGISTRY.register("taps.labels", avro_schema(Finding)))
SOURCE = Source(role=Role.EVENTS, topic="taps.events", decode=input_decoder(Tap, REGISTRY), key_field="card")


def tap(offset: int, at_ms: int, *, key: bytes | None = b"a", value: bytes | None = None, **fields: Any) -> Stored:
    if value is None:
        value = TAP(Tap(tap_id=str(offset), at_ms=at_ms, **fields).model_dump())
    return Stored("taps.events", offset, at_ms, key, value)


def finding(offset: int, known_ms: int, tap_id: str) -> Stored:
    value = FINDING(Finding(tap_id=tap_id, known_ms=known_ms).model_dump())
    return Stored("taps.labels", offset, known_ms, b"a", value)


@given(card=st.text(min_size=1, max_size=8), partitions=st.integers(1, 12))
def test_a_key_in_its_own_partition_is_accepted_and_in_any_other_rejected(card: str, partitions: int) -> None:
    right = partition_of(card.encode(), partitions)
    for partition in range(partitions):
        raw = tap(0, 1, key=card.encode(), card=card)._replace(partition=partition)

        value = decode(SOURCE, raw, partitions).value

        if partition == right:
            assert isinstance(value, Tap)
        else:
            assert isinstance(value, Reject)
            assert value.reason is Reason.WRONG_PARTITION
            assert "murmur2_random" in value.message


@pytest.mark.parametrize("key", [None, b"", b"b", b"a ", b"\xff"])
def test_a_key_that_is_not_the_values_is_rejected(key: bytes | None) -> None:
    value = decode(SOURCE, tap(0, 1, key=key), 1).value

    assert isinstance(value, Reject)
    assert value.reason is Reason.WRONG_KEY


def test_a_record_keeps_its_position_whatever_its_value() -> None:
    raw = tap(7, 1_234, value=b"nonsense")

    record = decode(SOURCE, raw, 1)

    assert record == Record(Role.EVENTS, "taps.events", 0, 7, 1_234, b"a", record.value, b"nonsense")
    assert isinstance(record.value, Reject)


def task() -> Task:
    made = pipeline()
    return Task(
        bind(made, "score", prefix="", registry=REGISTRY, partitions=1), 0, {"taps.events": 0, "taps.labels": 0}
    )


def stepped(*runs: Run) -> Group:
    made = task()
    for run in runs:
        assert made.deliver(run)
    group = made.step()
    assert group is not None
    return group


POISON = [
    tap(0, 1_000, value=b"hello"),
    tap(1, 1_000, value=b""),
    tap(2, 1_000, key=b"wrong"),
    tap(3, 1_000, amount=float("nan")),
    tap(4, 1_000, value=b'{"tap_id": "4"}')._replace(headers=[("trace", b"x")]),
    Stored("taps.events", 5, 1_000, None, None),
    tap(6, 1_000),
]


def test_rejected_records_leave_as_they_came_with_headers_that_say_why() -> None:
    group = stepped(Run("taps.events", 0, 7, 7, POISON), Run("taps.labels", 0, 0, 0, []))

    rejected = [message for message in group.messages if message.topic == "taps.rejected"]
    assert [(m.key, m.value, m.timestamp_ms) for m in rejected] == [(r.key, r.value, r.timestamp) for r in POISON[:6]]
    told = [{name: value.decode() for name, value in m.headers} for m in rejected]
    assert [t[f"{HEADER_PREFIX}reason"] for t in told] == [
        Reason.NOT_AVRO,
        Reason.EMPTY,
        Reason.WRONG_KEY,
        Reason.NOT_FINITE,
        Reason.INVALID,
        Reason.EMPTY,
    ]
    assert [int(t[f"{HEADER_PREFIX}offset"]) for t in told] == [0, 1, 2, 3, 4, 5]
    assert {t[f"{HEADER_PREFIX}topic"] for t in told} == {"taps.events"}
    assert {t[f"{HEADER_PREFIX}stage"] for t in told} == {"score"}
    assert rejected[4].headers[0] == ("trace", b"x")
    assert [message.topic for message in group.messages][-1] == "taps.scored"


def test_what_a_task_gives_is_read_back_as_valid_messages() -> None:
    group = stepped(
        Run("taps.events", 0, 2, 2, [tap(0, 1_000), tap(1, 1_002)]),
        Run("taps.labels", 0, 1, 1, [finding(0, 1_001, "0")]),
    )

    read = {
        "taps.scored": (Scored, own_decoder(Scored, REGISTRY)),
        "taps.outcomes": (Outcome, own_decoder(Outcome, REGISTRY)),
    }
    messages = [read[m.topic][0](**read[m.topic][1](m.value)) for m in group.messages]
    assert [m.TOPIC for m in messages] == ["scored", "outcomes", "scored"]
    assert [m.timestamp_ms for m in group.messages] == [1_000, 1_001, 1_002]
    assert group.work.ends == {"taps.labels": 1, "taps.events": 2}
    assert group.work.records == 3


@given(cuts=st.lists(st.integers(1, 5), max_size=8))
def test_the_limit_of_a_step_changes_no_message(cuts: list[int]) -> None:
    taps = [tap(n, 1_000 + n // 2) for n in range(10)]
    findings = [finding(n, 1_000 + n, str(n)) for n in range(6)]
    runs = (Run("taps.events", 0, 10, 10, taps), Run("taps.labels", 0, 6, 6, findings))
    made, messages = task(), list[Message]()
    for run in runs:
        made.deliver(run)

    for limit in [*cuts, 100]:
        group = made.step(limit)
        messages += group.messages if group is not None else []

    assert messages == list(stepped(*runs).messages)
    assert made.step() is None


def test_a_gap_is_refused_by_the_task() -> None:
    assert not task().deliver(Run("taps.events", 1, 2, 2, [tap(1, 1_000)]))


def test_what_comes_of_a_record_at_time_zero_is_not_of_now() -> None:
    bad, good = tap(0, 0, value=b"hello"), tap(1, 0)
    group = stepped(Run("taps.events", 0, 2, 2, [bad, good]), Run("taps.labels", 0, 0, 0, []))

    assert {message.timestamp_ms for message in group.messages} == {1}


def test_a_long_key_is_not_told_in_full() -> None:
    group = stepped(
        Run("taps.events", 0, 1, 1, [tap(0, 1_000, key=b"\xff" * 200_000)]), Run("taps.labels", 0, 0, 0, [])
    )

    (message,) = group.messages
    assert len(dict(message.headers)[f"{HEADER_PREFIX}message"]) == LONGEST
