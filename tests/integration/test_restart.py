"""Workers that stop, die, come and go: every event is scored once, and as if nothing had happened."""

import signal
import uuid
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psutil
import pytest
from confluent_kafka import Consumer, TopicPartition

from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.settings import Settings, librdkafka
from producers.known import Kind, Known, strictly
from schemas.message import Message
from schemas.outcome import Outcome
from schemas.payment import Chargeback, Payment
from schemas.scored import Scored
from streams.load import load
from streams.pipeline import Pipeline
from tests.integration.harness import (
    PIPELINES,
    READ_S,
    STARTED_S,
    decoded,
    of_its_own,
    wait,
    wait_folded,
    worker,
    worker_of,
)
from tests.servers import Servers

pytestmark = pytest.mark.servers

ONE = f"{PIPELINES / 'till.py'}:till"
FOUR = f"{PIPELINES / 'till.py'}:tills"
START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVENTS = 24_000
MIDDLE = 2_000
MARKERS = 500  # more than the transactions that 2,000 events take: their markers stand among the scores
SLICE_S = 0.02
ENDED_S = 30.0
REJOINED_S = 120.0

Rows = list[dict[str, Any]]


def payments(begin: int, end: int) -> Iterator[Known]:
    """Payments `begin` to `end` a minute apart, every third with a label an hour later, in the order of knowing."""
    draw = Random(begin)
    known = []
    for number in range(begin, end):
        at, customer = START + number * timedelta(minutes=1), f"c{draw.randrange(40)}"
        amount = round(draw.lognormvariate(3.5, 0.7), 2)
        name = f"t{number}"
        payment = Payment(transaction_id=name, occurred_at=at, customer_id=customer, terminal_id="m1", amount=amount)
        known.append(Known(_ms(at), Kind.EVENT, payment))
        if number % 3 == 0:
            label = Chargeback(transaction_id=name, customer_id=customer, fraud=amount > 60.0, reported_at=at + HOUR)
            known.append(Known(_ms(at + HOUR), Kind.LABEL, label))
    return strictly(sorted(known, key=lambda each: each.time_ms))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def written(settings: Settings, pipeline: Pipeline) -> dict[str, Rows]:
    """Scores and outcomes in the order of the log, but for the prefix of the topic that they came from."""
    topics = pipeline.topics(settings.topic_prefix)
    models: tuple[type[Message], ...] = (Scored, Outcome)
    rows = {model.TOPIC: decoded(settings, topics.named(model.TOPIC), model) for model in models}
    for row in [row for each in rows.values() for row in each]:
        row["source_topic"] = row["source_topic"].removeprefix(settings.topic_prefix)
    return rows


@pytest.fixture(scope="module")
def calm(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Rows]:
    """What a run that nothing disturbs writes."""
    pipeline = load(ONE)
    with of_its_own(servers, f"t-{uuid.uuid4().hex[:8]}-") as settings:
        feed(pipeline, payments(0, EVENTS), settings)
        with worker(settings, ONE, tmp_path_factory.mktemp("calm")) as running:
            wait_folded(settings, pipeline, running)
        return written(settings, pipeline)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_worker_that_ends_in_the_middle_goes_on_as_if_it_had_not(
    settings: Settings, tmp_path: Path, calm: dict[str, Rows], number: signal.Signals
) -> None:
    pipeline = load(ONE)
    feed(pipeline, payments(0, EVENTS), settings)
    with worker(settings, ONE, tmp_path) as first:
        process = suspended_in_the_middle(settings, pipeline, first)
        process.send_signal(number)
        with suppress(psutil.NoSuchProcess):  # a killed one does not wait to be resumed
            process.resume()
        wait("the worker ends", lambda: not first.alive, [], within_s=ENDED_S)
    left = written(settings, pipeline)
    with worker(settings, ONE, tmp_path) as second:
        wait_folded(settings, pipeline, second, within_s=REJOINED_S)
    found = written(settings, pipeline)

    assert MIDDLE <= len(left["scored"]) < EVENTS
    assert found["scored"] == calm["scored"]
    assert found["outcomes"] == calm["outcomes"]
    assert len(found["scored"]) == EVENTS


def suspended_in_the_middle(settings: Settings, pipeline: Pipeline, running: ServerProcess) -> psutil.Process:
    """The worker, which ran a little at a time until `MIDDLE` scores stood."""
    scored = TopicPartition(pipeline.topics(settings.topic_prefix).named(Scored.TOPIC), 0)
    wait("it owns its partition", lambda: owned(running) == 1, [running], within_s=STARTED_S)
    process = worker_of(running)
    with closing(Consumer({**librdkafka(settings), "group.id": "watches"})) as consumer:

        def stands() -> bool:
            process.suspend()
            enough = consumer.get_watermark_offsets(scored, timeout=READ_S)[1] >= MIDDLE + MARKERS
            if not enough:
                process.resume()
            return enough

        wait("the middle", stands, [running], within_s=STARTED_S, poll_s=SLICE_S)
    return process


def test_workers_that_come_and_go_score_every_event_once_and_in_order(settings: Settings, tmp_path: Path) -> None:
    pipeline = load(FOUR)
    feed(pipeline, payments(0, 2_000), settings, partitions=4)
    with worker(settings, FOUR, tmp_path) as first:
        wait_folded(settings, pipeline, first)
        with worker(settings, FOUR, tmp_path) as second:
            wait("partitions come over", lambda: owned(second) == 2, [first, second], within_s=STARTED_S)
            feed(pipeline, payments(2_000, 4_000), settings)
            worker_of(first).send_signal(signal.SIGTERM)
            feed(pipeline, payments(4_000, 6_000), settings)
            wait_folded(settings, pipeline, second, within_s=REJOINED_S)
    found = written(settings, pipeline)["scored"]
    places = [(row["source_partition"], row["source_offset"]) for row in found]

    assert places == sorted(places)
    assert sorted(int(row["event_id"][1:]) for row in found) == list(range(6_000))
    assert owned(second) == 4


def owned(running: ServerProcess) -> int:
    """How many partitions a worker has ever been given."""
    return len({line.split("partition ")[1].split()[0] for line in running.log().splitlines() if "is ours" in line})
