"""A stream that turns bad stops its task by name, before its records are drained; mended, they are scored."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field as Bound

from schemas.avro import avro_schema, encoder
from schemas.problem import Problem
from streams import Limits, Pipeline
from streams.runtime.bind import bind
from streams.runtime.codec import Message
from streams.runtime.raw import Run
from streams.runtime.task import Task
from tests.schemas.in_process import InProcess
from tests.streams.builders import Tap, pipeline
from tests.streams.runtime.logs import Stored

REGISTRY = InProcess()
TAP = encoder(avro_schema(Tap), REGISTRY.register("taps.events", avro_schema(Tap)))
LIMIT = 5
GOOD = 8


class Cheap(Tap):
    """A tap as somebody thought that all of them would be."""

    amount: float = Bound(default=1.0, lt=10)


class Dear(Tap):
    """The same, mended."""


def made(event: type[Tap], limits: Limits) -> Pipeline:
    return pipeline(event=event, limits=limits)


NARROW = made(Cheap, Limits(rejects_in_a_row=LIMIT))
WIDE = made(Dear, Limits(rejects_in_a_row=LIMIT))


def tap(offset: int, **fields: Any) -> Stored:
    value = TAP(Tap(tap_id=str(offset), at_ms=1_000 + offset, **fields).model_dump())
    return Stored("taps.events", offset, 1_000 + offset, b"a", value)


TURNED = [tap(n, amount=99.0 if n >= GOOD else 1.0) for n in range(GOOD + 3 * LIMIT)]
"""Eight good records, then none that the narrow definition takes."""


def started(pipeline: Pipeline, records: Sequence[Stored], *, at: int = 0) -> Task:
    """A task that goes on at `at` as a new process does: what is committed is folded again."""
    binding = bind(pipeline, "score", prefix="", registry=REGISTRY, partitions=1)
    task = Task(binding, 0, {"taps.events": 0, "taps.labels": 0})
    assert task.deliver(Run("taps.labels", 0, 0, 0, []))
    assert task.deliver(Run("taps.events", 0, at, len(records), records[:at]))
    while task.step(again=True) is not None:
        pass
    assert task.deliver(Run("taps.events", at, len(records), len(records), records[at:]))
    return task


def run(task: Task, limits: Sequence[int] = ()) -> tuple[list[Message], Mapping[str, int], str]:
    """What is committed until nothing is left or the task stops: messages, positions, and with what words."""
    messages, positions = list[Message](), dict(task.positions)
    try:
        for limit in [*limits, *[1_000] * 2]:
            group = task.step(limit)
            if group is not None:
                messages += group.messages
                positions = dict(group.work.ends)
    except Problem as problem:
        return messages, positions, str(problem)
    return messages, positions, ""


def kinds(messages: Sequence[Message]) -> list[str]:
    return [message.topic.removeprefix("taps.") for message in messages]


def test_one_batch_that_turns_bad_commits_nothing_and_says_why() -> None:
    messages, positions, told = run(started(NARROW, TURNED))

    assert not messages
    assert positions["taps.events"] == 0
    assert f"score stops: {LIMIT} records in a row of taps.events/0 were rejected, the last at offset 12" in told
    assert "invalid: amount: Input should be less than 10" in told
    assert "millrace rejected replay" in told


@given(cuts=st.lists(st.integers(1, 6), max_size=12))
def test_what_is_committed_ends_before_the_run_is_complete(cuts: list[int]) -> None:
    messages, positions, told = run(started(NARROW, TURNED), cuts)

    assert told
    assert positions["taps.events"] < GOOD + LIMIT
    assert len(messages) == positions["taps.events"]
    assert kinds(messages).count("rejected") < LIMIT


@given(cuts=st.lists(st.integers(1, 6), max_size=12))
def test_starting_again_unmended_rejects_no_more_than_the_limit_in_all(cuts: list[int]) -> None:
    rejected, at, told = 0, 0, set[str]()
    for _ in range(6):
        messages, positions, said = run(started(NARROW, TURNED, at=at), cuts)
        rejected += kinds(messages).count("rejected")
        at = positions["taps.events"]
        told.add(said)

    assert rejected < LIMIT
    assert len(told) == 1


def test_a_task_that_has_stopped_stays_so() -> None:
    task = started(NARROW, TURNED)
    with pytest.raises(Problem) as first:
        task.step(GOOD + LIMIT)

    with pytest.raises(Problem) as second:
        task.step()

    assert str(second.value) == str(first.value)


def test_after_the_mend_the_records_that_stopped_it_are_scored() -> None:
    before, positions, told = run(started(NARROW, TURNED), [GOOD])
    assert told
    assert kinds(before) == ["scored"] * GOOD

    after, end, told = run(started(WIDE, TURNED, at=positions["taps.events"]))

    assert not told
    assert kinds(after) == ["scored"] * (len(TURNED) - GOOD)
    assert [*before, *after] == run(started(WIDE, TURNED))[0]
    assert end["taps.events"] == len(TURNED)


def test_a_limit_that_is_raised_lets_the_stream_go_on() -> None:
    _, positions, _ = run(started(NARROW, TURNED), [GOOD])

    more = made(Cheap, Limits(rejects_in_a_row=1_000))
    messages, _, told = run(started(more, TURNED, at=positions["taps.events"]))

    assert not told
    assert kinds(messages) == ["rejected"] * (len(TURNED) - GOOD)


def test_a_limit_that_is_lowered_does_not_stop_at_what_was_committed() -> None:
    healed = [*TURNED, *(tap(n) for n in range(len(TURNED), len(TURNED) + 3))]
    generous = made(Cheap, Limits(rejects_in_a_row=1_000))
    _, positions, _ = run(started(generous, healed), [len(TURNED)])

    messages, _, told = run(started(NARROW, healed, at=positions["taps.events"] - 3))

    assert not told
    assert kinds(messages) == ["scored"] * 3
