"""Score requests to a pipeline in two stages, the second of which two workers share: each stage says its part."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Message

from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.settings import Settings, librdkafka, schema_registry
from schemas.decode import own_decoder
from schemas.payment import Payment
from schemas.registry import Registry
from schemas.reply import Reply
from schemas.scored import Scored
from streams.load import load
from streams.runtime.kafka import RealKafka
from tests.integration.asking import PARTITIONS, Told, ask, base, flood, known, payment, put, replies, settled
from tests.integration.driven import ask as tool
from tests.integration.harness import (
    FOLDED_S,
    PIPELINES,
    STARTED_S,
    decoded,
    of_its_own,
    wait,
    worker,
    worker_of,
)
from tests.integration.test_restart import payments
from tests.integration.test_routed import shares
from tests.servers import Servers

pytestmark = pytest.mark.servers

TARGET = f"{PIPELINES / 'asked.py'}:asked_twice"
FIRST, LAST = "by_customer_id", "score"
MANY = 2_000
SAME = ("event_id", "event_time_ms", "entities", "score", "predicted", "probabilities", "model_id", "rung")


class Running(NamedTuple):
    """Both stages, the last in two processes, that have folded 600 payments; and where the first one is asked."""

    settings: Settings
    processes: list[ServerProcess]
    url: str

    def wait_scored(self, *events: str) -> dict[str, Any]:
        """All that is scored, by event, as soon as these are, or whatever stands on the input."""
        pipeline = load(TARGET)
        topics = pipeline.topics(self.settings.topic_prefix)
        with closing(RealKafka(librdkafka(self.settings))) as kafka:
            given = sum(kafka.bounds(topics.events, p)[1] for p in range(PARTITIONS))
        found: dict[str, Any] = {}

        def scored() -> bool:
            found.update({row["event_id"]: row for row in decoded(self.settings, topics.scored, Scored)})
            return found.keys() >= set(events) and (bool(events) or len(found) >= given)

        wait("all is scored", scored, self.processes, within_s=FOLDED_S)
        return found


def about(number: int) -> Payment:
    """A payment at a terminal of its own."""
    return payment(number).model_copy(update={"terminal_id": f"m{number}"})


@pytest.fixture(scope="module")
def running(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    logs = tmp_path_factory.mktemp("asked")
    with of_its_own(servers, f"t-{uuid.uuid4().hex[:8]}-") as settings:
        feed(load(TARGET), payments(0, 600), settings, partitions=PARTITIONS)
        with (
            worker(settings, TARGET, logs, stage=FIRST) as first,
            worker(settings, TARGET, logs, stage=LAST) as one,
            worker(settings, TARGET, logs, stage=LAST) as other,
        ):
            wait("each has two", lambda: shares([one, other]) == [2, 2], [first, one, other], within_s=STARTED_S)
            found = Running(settings, [first, one, other], base(first))
            found.wait_scored()
            yield found


def test_an_answer_is_what_the_event_is_then_scored_with(running: Running) -> None:
    pipeline, asked = load(TARGET), [about(number) for number in range(16)]
    told = [ask(running.url, each) for each in asked]
    feed(pipeline, known(*asked), running.settings)
    scored = running.wait_scored(*(each.transaction_id for each in asked))

    assert {reply.status for reply in told} == {200}
    assert {reply.body["partition"] for reply in told} == set(range(PARTITIONS))
    for reply in (reply.body for reply in told):
        row = scored[reply["event_id"]]
        assert {name: reply[name] for name in SAME} == {name: row[name] for name in SAME}
        assert list(reply["features"].values()) == row["features"]
        assert tuple(reply["features"]) == pipeline.feature_names
        assert list(reply["earlier"]) == [FIRST]


def test_an_event_that_was_scored_is_refused_by_the_first_stage(running: Running) -> None:
    feed(load(TARGET), known(about(40)), running.settings)
    running.wait_scored("q40")

    assert ask(running.url, about(40)).status == 409


def test_a_request_on_the_topic_has_the_same_reply(running: Running) -> None:
    named, one = load(TARGET).topics(running.settings.topic_prefix), about(24)
    with replies(running.settings, named.replies) as arrived:
        put(running.settings, named.requests, one, one.model_dump_json().encode(), key=one.customer_id)
        found: dict[str, Message] = {}
        while "q24" not in found:
            found |= arrived(1)

    over_http = ask(running.url, one).body
    with Registry(schema_registry(running.settings)) as registry:
        on_topic = own_decoder(Reply, registry)(found["q24"].value())
    assert folded(on_topic) == folded(over_http)


def folded(reply: dict[str, Any]) -> dict[str, Any]:
    """All but the positions: they pass the markers of transactions too, which come a while after the records."""
    return {name: value for name, value in reply.items() if name != "positions"}


def test_requests_leave_nothing_behind(running: Running) -> None:
    settings = running.settings
    with closing(RealKafka(librdkafka(settings))) as kafka:
        before = settled(lambda: ends(kafka, settings))
        asked = (about(1_000 + n % 300).model_dump_json().encode() for n in range(MANY))
        statuses = asyncio.run(flood(running.url, asked, at_once=20))
        after = ends(kafka, settings)

    assert statuses == {200: MANY}
    assert after == before
    for stage in (FIRST, LAST):
        assert tool(settings, "verify", TARGET, "--stage", stage).exit_code == 0


def ends(kafka: RealKafka, settings: Settings) -> dict[str, list[int]]:
    """Where what both stages write ends, but for replies."""
    named = load(TARGET).topics(settings.topic_prefix)
    own = [topic(1, stage) for topic in (named.ledger, named.state) for stage in (FIRST, LAST)]
    return {topic: [kafka.bounds(topic, p)[1] for p in range(PARTITIONS)] for topic in (*named.outputs, *own)}


def test_who_shares_the_last_stage_and_is_killed_is_stood_in_for(running: Running) -> None:
    first, one, other = running.processes
    asked = [about(number) for number in range(50, 66)]
    before = [ask(running.url, each) for each in asked]
    worker_of(other).kill()
    wait("it is gone", lambda: not other.alive, [], within_s=STARTED_S)
    meanwhile = [ask(running.url, each) for each in asked]
    wait("partitions come over", lambda: shares([one]) == [PARTITIONS], [first, one], within_s=STARTED_S)
    after: list[Told] = []

    def answered() -> bool:
        after[:] = [ask(running.url, each) for each in asked]
        return {told.status for told in after} == {200}

    wait("all is answered", answered, [first, one], within_s=STARTED_S)

    assert {told.status for told in before} == {200}
    assert {told.status for told in meanwhile} == {200, 503}
    assert all(told.headers["Retry-After"] == "1" for told in meanwhile if told.status == 503)
    assert [told.body["score"] for told in after] == [told.body["score"] for told in before]
