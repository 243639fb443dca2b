"""The log in memory does what Kafka does: isolation, markers, fencing, offsets with commits, compaction, retention."""

import pytest

from schemas.problem import Problem
from streams.runtime.codec import Message
from streams.runtime.ports import Abortable, Fenced, Kafka, Mark, Unknown
from tests.simulation.client import Client, Producer
from tests.simulation.faults import Crash, Effect, Fault, Plan, Step
from tests.simulation.log import Log
from tests.simulation.partition import values
from tests.streams.runtime.logs import Stored


def client(*faults: Fault) -> Client:
    log = Log()
    log.create("out", "output")
    log.create("in", "input")
    return Client(log, Plan(faults))


def producer(made: Client, id: str = "a") -> Producer:
    return made.transactions(id, "group", 0)


def message(value: bytes | None, key: bytes = b"k", topic: str = "out") -> Message:
    return Message(topic, key, value, 1, [])


def read(made: Client, start: int = 0, end: int | None = None, topic: str = "out") -> list[tuple[int, bytes | None]]:
    return [(r.offset, r.value) for run in made.read(topic, 0, start, end) for r in run.records]


def commit(writer: Producer, *sent: bytes | None, key: bytes = b"k") -> None:
    writer.begin()
    for value in sent:
        writer.produce(message(value, key))
    writer.commit()


def test_the_client_is_what_a_task_needs() -> None:
    made: Kafka = client()

    assert made.describe(["in"])["in"].partitions == 1


def test_nothing_is_read_behind_what_is_undecided() -> None:
    made = client()
    first, second = producer(made), producer(made, "b")
    first.begin()
    first.produce(message(b"1"))
    commit(second, b"2")

    assert read(made) == []
    assert made.bounds("out", 0) == (0, 3)

    first.commit()

    assert read(made) == [(0, b"1"), (1, b"2")]


def test_a_marker_takes_one_offset_in_every_partition_that_was_written() -> None:
    made = client()
    writer = producer(made)
    commit(writer, b"1", b"2")
    writer.begin()
    writer.produce(message(b"3"))
    writer.abort()
    commit(writer, b"4")
    writer.begin()
    writer.commit()

    assert read(made) == [(0, b"1"), (1, b"2"), (5, b"4")]
    assert made.bounds("out", 0) == (0, 7)
    assert made.bounds("in", 0) == (0, 0)


def test_a_new_producer_fences_the_old_one_and_aborts_what_it_left_open() -> None:
    made = client()
    old = producer(made)
    old.begin()
    old.produce(message(b"lost"))
    new = producer(made)

    for call in (old.begin, old.commit, old.abort, lambda: old.produce(message(b"x")), lambda: old.send_offsets({})):
        with pytest.raises(Fenced):
            call()
    old.close()
    commit(new, b"kept")

    assert read(made) == [(2, b"kept")]


def test_a_transaction_that_has_timed_out_is_aborted_and_its_producer_fenced() -> None:
    made = client(Fault("commit", Effect.TIMED_OUT))

    with pytest.raises(Fenced):
        commit(producer(made), b"lost")
    commit(producer(made), b"kept")

    assert read(made) == [(2, b"kept")]


def test_a_commit_that_comes_about_later_does_so_before_there_is_a_new_producer() -> None:
    made = client(Fault("commit", Effect.UNKNOWN_LATE))
    old = producer(made)
    with pytest.raises(Unknown):
        commit(old, b"late")
    old.close()

    assert read(made) == []

    producer(made)

    assert read(made) == [(0, b"late")]


def test_offsets_appear_with_the_commit_only() -> None:
    made = client()
    writer = producer(made)
    writer.begin()
    writer.send_offsets({"in": Mark(5, "aborted")})
    writer.abort()
    writer.begin()
    writer.send_offsets({"in": Mark(7, "told")})

    assert made.committed("group", ["in"], 0) == {"in": None}

    writer.commit()

    assert made.committed("group", ["in"], 0) == {"in": Mark(7, "told")}
    made.log.expire_group("group")
    assert made.committed("group", ["in"], 0) == {"in": None}


def test_compaction_leaves_the_last_value_of_each_key_at_its_offset() -> None:
    made = client()
    writer = producer(made)
    commit(writer, b"1", b"2")
    commit(writer, b"3", None, key=b"gone")
    writer.begin()
    writer.produce(message(b"aborted"))
    writer.abort()
    writer.begin()
    writer.produce(message(b"undecided"))

    made.log.partition("out").compact()

    assert read(made) == [(1, b"2")]
    writer.commit()
    assert read(made) == [(1, b"2"), (8, b"undecided")]
    made.log.partition("out").compact()
    assert values(made.log.partition("out").read(0, 99)) == [(b"k", b"undecided")]


def test_what_has_expired_cannot_be_read() -> None:
    made = client()
    made.log.append("in", [Stored("in", -1, 1, b"k", value) for value in (b"0", b"1", b"2")])
    made.log.partition("in").expire(2)

    assert made.bounds("in", 0) == (2, 3)
    assert read(made, 2, topic="in") == [(2, b"2")]
    with pytest.raises(Problem, match="begins at 2"):
        read(made, 1, topic="in")


def test_a_topic_created_anew_is_another_one() -> None:
    made = client()
    commit(producer(made), b"1")
    before = made.describe(["out"])["out"]
    made.log.create("out", "output")

    assert made.describe(["out"])["out"] != before
    assert read(made) == []


def test_a_read_ends_where_it_is_asked_to() -> None:
    made = client()
    commit(producer(made), b"1", b"2", b"3")

    runs = list(Client(made.log, Plan(), chunk=2).read("out", 0, 1, 4))

    assert [(run.start, run.end, len(run.records)) for run in runs] == [(1, 3, 2), (3, 4, 0)]
    with pytest.raises(Problem, match="silent"):
        read(made, 0, 9)


def test_steps_are_numbered_by_kind() -> None:
    made = client()
    commit(producer(made), b"1", b"2")

    assert made.plan.trace == [
        Step("transactions", 0),
        Step("begin", 0),
        Step("produce output", 0),
        Step("produce output", 1),
        Step("commit", 0),
    ]


@pytest.mark.parametrize(
    ("effect", "raised", "visible"),
    [
        (Effect.CRASH_BEFORE, Crash, False),
        (Effect.CRASH_AFTER, Crash, True),
        (Effect.UNKNOWN_BEFORE, Unknown, False),
        (Effect.UNKNOWN_AFTER, Unknown, True),
        (Effect.ABORTABLE, Abortable, False),
    ],
)
def test_a_fault_strikes_before_or_after_what_its_step_does(
    effect: Effect, raised: type[BaseException], visible: bool
) -> None:
    made = client(Fault("commit", effect, skip=1))
    writer = producer(made)
    commit(writer, b"1")

    with pytest.raises(raised):
        commit(writer, b"2")

    producer(made)
    assert read(made) == [(0, b"1"), *([(2, b"2")] if visible else [])]
    assert made.plan.fired == [Fault("commit", effect, skip=1)]


def test_a_stolen_step_goes_on_once_the_thief_is_done() -> None:
    made = client(Fault("commit", Effect.STOLEN_BEFORE))
    made.plan.steal = lambda: commit(producer(made), b"theirs")

    with pytest.raises(Fenced):
        commit(producer(made), b"ours")

    assert read(made) == [(2, b"theirs")]
