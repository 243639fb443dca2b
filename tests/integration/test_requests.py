"""Score requests over HTTP to a worker with four partitions: answers, refusals, and that nothing is left of them."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple
from urllib.request import urlopen

import pytest
from confluent_kafka import Message

from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.settings import Settings, librdkafka, schema_registry
from schemas.decode import own_decoder
from schemas.registry import Registry
from schemas.reject import HEADER_MESSAGE
from schemas.reply import Reply
from streams.load import load
from streams.runtime.kafka import RealKafka
from tests.integration.asking import (
    PARTITIONS,
    TARGET,
    ask,
    base,
    bodies,
    flood,
    known,
    payment,
    post,
    put,
    replies,
    settled,
)
from tests.integration.driven import ask as tool
from tests.integration.harness import READ_S, of_its_own, scrape, wait_folded, worker
from tests.integration.test_restart import payments, written
from tests.servers import Servers

pytestmark = pytest.mark.servers

MANY = 10_000
SAME = ("event_id", "event_time_ms", "entities", "score", "predicted", "probabilities", "model_id", "rung")


class Running(NamedTuple):
    """A worker that has folded 600 payments."""

    settings: Settings
    process: ServerProcess
    url: str


@pytest.fixture(scope="module")
def running(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    pipeline = load(TARGET)
    with of_its_own(servers, f"t-{uuid.uuid4().hex[:8]}-") as settings:
        feed(pipeline, payments(0, 600), settings, partitions=PARTITIONS)
        with worker(settings, TARGET, tmp_path_factory.mktemp("asked")) as process:
            wait_folded(settings, pipeline, process)
            yield Running(settings, process, base(process))


def test_an_answer_is_what_the_event_is_then_scored_with(running: Running) -> None:
    pipeline, asked = load(TARGET), [payment(number) for number in range(16)]
    replies = [ask(running.url, each) for each in asked]
    feed(pipeline, known(*asked), running.settings)
    wait_folded(running.settings, pipeline, running.process)
    scored = {row["event_id"]: row for row in written(running.settings, pipeline)["scored"]}

    assert {reply.status for reply in replies} == {200}
    assert len({reply.body["partition"] for reply in replies}) == PARTITIONS
    for reply in (reply.body for reply in replies):
        row = scored[reply["event_id"]]
        assert {name: reply[name] for name in SAME} == {name: row[name] for name in SAME}
        assert list(reply["features"].values()) == row["features"]
        assert tuple(reply["features"]) == pipeline.feature_names
        assert reply["partition"] == row["source_partition"]
        assert reply["positions"][f"{running.settings.topic_prefix}asked.events"] <= row["source_offset"]
        assert Reply.model_validate_json(json.dumps(reply)).request_id == reply["event_id"]


def test_a_request_has_the_name_that_it_gives_itself(running: Running) -> None:
    told = ask(running.url, payment(20), X_Request_ID="mine")

    assert told.body["request_id"] == "mine"


def test_an_event_that_was_scored_is_refused(running: Running) -> None:
    feed(load(TARGET), known(payment(21)), running.settings)
    wait_folded(running.settings, load(TARGET), running.process)

    told = ask(running.url, payment(21))

    assert told.status == 409
    assert "transaction_id=q21 was scored before" in told.body["detail"]


def test_what_is_no_event_is_refused_by_the_names_of_its_fields(running: Running) -> None:
    body = {**json.loads(payment(22).model_dump_json()), "amount": "12.5", "customer_id": None}

    told = post(running.url, json.dumps(body).encode())

    assert told.status == 422
    assert [each["loc"] for each in told.body["detail"]] == [["customer_id"], ["amount"]]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [(b"{", {}, 422), (b"{}", {"Content_Type": "text/plain"}, 415), (b"{" + b" " * 2**20 + b"}", {}, 413)],
)
def test_what_cannot_be_read_is_refused(running: Running, body: bytes, headers: dict[str, str], status: int) -> None:
    told = post(running.url, body, **headers)

    assert told.status == status
    assert told.body["detail"]


def test_the_document_describes_event_and_reply(running: Running) -> None:
    with urlopen(f"{running.url}/openapi.json", timeout=READ_S) as answer:
        document = json.load(answer)

    schemas = document["components"]["schemas"]
    assert set(schemas["Payment"]["properties"]) == set(type(payment(0)).model_fields)
    assert set(schemas["Reply"]["properties"]) == set(Reply.model_fields)
    assert "post" in document["paths"]["/score"]


def test_a_request_on_the_topic_has_a_reply_with_its_name(running: Running) -> None:
    named = load(TARGET).topics(running.settings.topic_prefix)
    one, bad = payment(24), payment(25)
    invalid = bad.model_dump_json().replace("35.0", "-1").encode()
    with replies(running.settings, named.replies) as arrived:
        for key in (None, "k" * 700_000):  # neither has a reply of much use, and neither may end the worker
            put(running.settings, named.requests, one.model_copy(update={"transaction_id": "odd"}), b"{}", key=key)
        for each, value in ((one, one.model_dump_json().encode()), (bad, invalid)):
            put(running.settings, named.requests, each, value, key=each.customer_id)
        found: dict[str, Message] = {}
        while not {"q24", "q25"} <= found.keys():
            found |= arrived(1)

    answer, refused = found["q24"], found["q25"]
    over_http = ask(running.url, one, X_Request_ID="q24").body
    with Registry(schema_registry(running.settings)) as registry:
        assert own_decoder(Reply, registry)(answer.value()) == over_http
    assert answer.key() == b"c24"
    assert answer.partition() == over_http["partition"]
    assert refused.value() is None
    assert dict(refused.headers() or [])[HEADER_MESSAGE] == b"amount: Input should be greater than or equal to 0"


def test_ten_thousand_requests_leave_nothing_behind(running: Running) -> None:
    pipeline, settings = load(TARGET), running.settings
    with closing(RealKafka(librdkafka(settings))) as kafka:
        before = settled(lambda: ends(kafka, settings))
        statuses = asyncio.run(flood(running.url, bodies(MANY), at_once=50))
        after = ends(kafka, settings)
    feed(pipeline, payments(2_000, 2_200), settings)
    wait_folded(settings, pipeline, running.process)

    assert statuses == {200: MANY}
    assert after == before
    assert tool(settings, "verify", TARGET).exit_code == 0


def ends(kafka: RealKafka, settings: Settings) -> dict[str, list[int]]:
    """Where what the score stage writes ends, but for replies."""
    named = load(TARGET).topics(settings.topic_prefix)
    topics = (*named.outputs, named.ledger(1, "score"), named.state(1, "score"))
    return {topic: [kafka.bounds(topic, p)[1] for p in range(PARTITIONS)] for topic in topics}


def test_requests_are_counted(running: Running) -> None:
    ask(running.url, payment(23))

    samples = scrape(running.process)["millrace_requests"].samples
    assert sum(s.value for s in samples if s.name.endswith("_total") and s.labels["status"] == "200") >= 1
