"""What was rejected can be looked at and comes back once, however often it is asked for and whenever that is killed."""

import signal
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any, cast

import pytest
from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient

from infra.feed import create_inputs
from infra.rejected.log import open_log
from infra.rejected.record import Headers, Rejected
from infra.rejected.replay import TOGETHER, Replayed, replay
from infra.rejected.selection import Selection
from infra.settings import Settings, librdkafka
from infra.topics import TopicSpec, ensure
from schemas.problem import Problem
from schemas.reject import HEADER_PREFIX, HEADER_REPLAY_ID, Reason
from streams.load import load
from streams.runtime.partition import partition_of
from tests.integration.asked import told
from tests.integration.harness import MILLRACE, PIPELINES, environment, read

pytestmark = pytest.mark.servers

TARGET = f"{PIPELINES / 'till.py'}:tills"
TILLS = load(TARGET)
PARTITIONS = 2
WITHIN_S = 60.0
OWN: list[tuple[str, bytes | None]] = [("trace", b"\x00\xff"), ("trace", b"again"), ("nothing", None)]
REASONS = (Reason.INVALID, Reason.NOT_AVRO, Reason.WRONG_PARTITION)
START_MS = 1_740_000_000_000


class Aside:
    """Puts records on `rejected` as a stage does: in transactions, with headers behind those that they came with."""

    def __init__(self, settings: Settings) -> None:
        self.topics = TILLS.topics(settings.topic_prefix)
        create_inputs(TILLS, settings, partitions=PARTITIONS)
        ensure(AdminClient({**librdkafka(settings)}), [TopicSpec(name=self.topics.rejected, partitions=PARTITIONS)])
        self._puts = 0
        named = {"transactional.id": self.topics.transactional_id(1, "score", 0), "retry.backoff.ms": 2}
        self._producer = Producer({**librdkafka(settings), **named})
        self._producer.init_transactions(WITHIN_S)

    def put(self, many: int, *, topic: str | None = None) -> None:
        """One transaction of `many`: numbered values, twenty keys, every hundredth without one, of three reasons."""
        self._producer.begin_transaction()
        self._puts += 1
        for number in range(many):
            key = None if number % 100 == 99 else f"c{number % 20}".encode()
            self._put(number, key, topic or (self.topics.labels if number % 7 == 0 else self.topics.events))
        self._producer.commit_transaction(WITHIN_S)

    def again(self, many: int) -> None:
        """As another version does that rejects the same records."""
        self._puts -= 1
        self.put(many)

    def _put(self, number: int, key: bytes | None, topic: str) -> None:
        reason = REASONS[number % len(REASONS)]
        at = partition_of(key, PARTITIONS) if key is not None else 0
        at = 1 - at if reason is Reason.WRONG_PARTITION and number % 20 == 11 else at
        told = {
            "stage": "score",
            "topic": topic,
            "partition": at,
            "offset": 10_000 * (self._puts - 1) + number,
            "reason": reason,
        }
        error = [(f"{HEADER_PREFIX}{name}", str(value).encode()) for name, value in told.items()]
        error.append((f"{HEADER_PREFIX}message", f"{reason} for number {number}".encode()))
        headers = [*OWN, *error]
        self._producer.produce(
            self.topics.rejected,
            b"\x07%d" % number,
            key,
            partition=at,
            timestamp=START_MS + number,
            headers=headers,  # type: ignore[arg-type]  # the stubs forget that lists of bytes are fine
        )


@pytest.fixture
def aside(settings: Settings) -> Aside:
    return Aside(settings)


def command(settings: Settings, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    given = [*MILLRACE, "rejected", verb, TARGET, *arguments]
    return subprocess.run(
        given, env=environment(settings), capture_output=True, text=True, check=False, timeout=WITHIN_S, input=""
    )


def replayed(settings: Settings, selection: Selection = Selection()) -> Replayed:  # noqa: B008 (a frozen value)
    return replay(open_log(TILLS, settings), selection)


def headers_of(record: Message) -> Headers:
    return cast("Headers", record.headers() or [])


def replay_ids(records: list[Message]) -> list[bytes | None]:
    return [value for record in records for name, value in headers_of(record) if name == HEADER_REPLAY_ID]


def inputs(settings: Settings) -> list[Message]:
    topics = TILLS.topics(settings.topic_prefix)
    return [*read(settings, topics.events), *read(settings, topics.labels)]


def test_every_record_comes_back_as_it_was_to_the_partition_of_its_key_in_order(
    settings: Settings, aside: Aside
) -> None:
    aside.put(700)
    aside.put(500)

    done = replayed(settings)

    came, back = read(settings, aside.topics.rejected), inputs(settings)
    assert done.sent == len(back) == len(came) == 1_200
    assert Counter((r.key(), r.value()) for r in back) == Counter((r.key(), r.value()) for r in came)
    for record in back:
        *own, (name, replay_id) = headers_of(record)
        assert (own, name) == (OWN, HEADER_REPLAY_ID)
        assert replay_id is not None
        assert record.timestamp()[1] > START_MS + 10_000_000
        if record.key() is not None:
            assert record.partition() == partition_of(cast(bytes, record.key()), PARTITIONS)
    assert len(set(replay_ids(back))) == 1_200
    assert per_key(back) == per_key(came)


def per_key(records: list[Message]) -> dict[Any, list[Any]]:
    """Values in their order, by key, input and the partition of `rejected` that they passed through."""
    found = defaultdict(list)
    for record in records:
        number = int((record.value() or b"")[1:])
        misplaced = number % 3 == 2 and number % 20 == 11
        found[record.key(), number % 7 == 0, misplaced].append(record.value())
    return found


def test_a_second_replay_sends_nothing_and_says_so(settings: Settings, aside: Aside) -> None:
    aside.put(60)

    invalid = Selection(reasons=frozenset({Reason.INVALID}))

    first, second = replayed(settings, invalid), replayed(settings, invalid)
    rest = told(settings, "replay", TARGET, "--all", "--yes")

    assert (first.sent, first.reasons) == (20, {"invalid": 20})
    assert (second.sent, second.before) == (0, 20)
    assert (rest["sent"], rest["before"]) == (40, 20)
    assert Counter(replay_ids(inputs(settings))).most_common(1)[0][1] == 1
    assert len(inputs(settings)) == 60


def test_what_two_versions_have_rejected_goes_back_once(settings: Settings, aside: Aside) -> None:
    aside.put(30)
    aside.again(30)
    aside.put(5)

    first, second = replayed(settings), replayed(settings)

    assert (first.sent, first.before) == (35, 30)
    assert (second.sent, second.before) == (0, 65)
    assert len(inputs(settings)) == 35


def test_a_replay_that_is_killed_again_and_again_sends_each_record_once(settings: Settings, aside: Aside) -> None:
    aside.put(3 * TOGETHER)
    for last in (TOGETHER // 2, TOGETHER + 1, 1):
        child = [sys.executable, "-P", str(Path(__file__).with_name("replaying.py")), TARGET, str(last)]
        ran = subprocess.run(child, env=environment(settings), check=False, timeout=WITHIN_S)
        assert ran.returncode == -signal.SIGKILL
    before = len(inputs(settings))

    done = replayed(settings)

    back = inputs(settings)
    assert 0 < before < len(back)
    assert (done.before, done.sent) == (before, len(back) - before)
    assert Counter(replay_ids(back)).most_common(1)[0][1] == 1
    assert len(back) == 3 * TOGETHER == len(read(settings, aside.topics.replayed))


def test_a_replay_that_is_overtaken_sends_nothing_more(settings: Settings, aside: Aside) -> None:
    aside.put(2 * TOGETHER)
    left, other = TOGETHER + 5, list[Replayed]()

    def overtake(_: Rejected) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            other.append(replayed(settings))

    with pytest.raises(Problem, match="another replay"):
        replay(open_log(TILLS, settings), Selection(), progress=overtake)

    assert (other[0].before, other[0].sent) == (TOGETHER, TOGETHER)
    assert sorted(Counter(replay_ids(inputs(settings))).values()) == [1] * 2 * TOGETHER


def test_what_comes_while_a_log_is_open_waits_for_the_next_replay(settings: Settings, aside: Aside) -> None:
    aside.put(10)
    log = open_log(TILLS, settings)
    aside.put(10)

    assert replay(log, Selection()).sent == 10
    assert replayed(settings).sent == 10


def test_a_record_of_an_output_stays_where_it_is(settings: Settings, aside: Aside) -> None:
    aside.put(9, topic=aside.topics.scored)
    aside.put(3)

    done = replayed(settings)

    assert (done.sent, done.foreign) == (3, 9)
    assert len(inputs(settings)) == 3


def test_the_list_shows_the_newest_and_totals_of_all(settings: Settings, aside: Aside) -> None:
    aside.put(30)
    replayed(settings, Selection(reasons=frozenset({Reason.NOT_AVRO})))

    found, sums = told(settings, "list", TARGET, "--limit", "2"), told(settings, "list", TARGET, "--limit", "0")

    assert found["topic"] == aside.topics.rejected
    assert found["totals"] == {
        "invalid": {"records": 10, "replayed": 0},
        "not_avro": {"records": 10, "replayed": 10},
        "wrong_partition": {"records": 10, "replayed": 0},
    }
    assert (sums["records"], sums["totals"]) == ([], found["totals"])
    last = found["records"][-1]
    assert [each["from_offset"] for each in found["records"]] == [28, 29]
    assert last["from_topic"] == aside.topics.events
    assert (last["reason"], last["message"]) == ("wrong_partition", "wrong_partition for number 29")
    assert (last["key"], last["value_bytes"], last["value_start"]) == ("c9", 3, b"\x0729".hex())
    assert [each["replayed"] for each in found["records"]] == [True, False]


def test_one_place_of_the_list_can_be_replayed_and_an_empty_one_is_refused(settings: Settings, aside: Aside) -> None:
    aside.put(30)
    found = told(settings, "list", TARGET, "--since", "2025-02-19T21:20:00.021Z", "--reason", "invalid")
    assert [each["from_offset"] for each in found["records"]] == [21, 24, 27]
    at = f"{found['records'][0]['partition']}:{found['records'][0]['offset']}"

    assert told(settings, "replay", TARGET, "--at", at, "--yes")["sent"] == 1
    assert [record.value() for record in inputs(settings)] == [b"\x0721"]
    refused = command(settings, "replay", "--at", "0:999", "--at", at, "--yes")
    assert refused.returncode == 2
    assert f"{aside.topics.rejected} has no record at 0:999" in refused.stderr


def test_people_are_told_in_words(settings: Settings, aside: Aside) -> None:
    aside.put(30)

    listed = command(settings, "list", "--limit", "3")
    unasked = command(settings, "replay", "--all")
    sent = command(settings, "replay", "--all", "--yes")

    assert listed.returncode == 0
    assert "the newest 3 of 30" in listed.stdout
    assert "wrong_partition for number 29" in listed.stdout
    assert unasked.returncode == 2
    assert "give --yes" in unasked.stderr
    assert sent.returncode == 0
    assert f"25 to {aside.topics.events}, 5 to {aside.topics.labels}" in sent.stdout


def test_without_a_topic_the_cure_is_named(settings: Settings) -> None:
    ran = command(settings, "list")

    assert ran.returncode == 2
    assert "start `millrace worker` first" in ran.stderr
    assert "Traceback" not in ran.stderr
