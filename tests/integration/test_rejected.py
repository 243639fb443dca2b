"""Poison of three reasons is rejected by a worker, mended, sent again, and scored once."""

import json
from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Producer

from infra.feed import create_inputs
from infra.settings import Settings, librdkafka
from schemas.reject import Reason
from schemas.scored import Scored
from streams.load import load
from streams.runtime.partition import partition_of
from tests.integration.asked import told
from tests.integration.harness import decoded, wait_folded, worker

pytestmark = pytest.mark.servers

PARTITIONS = 2
DAY_MS = 86_400_000
START_MS = 1_740_000_000_000
EVENTS = 400
DEFINITION = """
from pydantic import BaseModel, Field as Bound
from river.linear_model import LogisticRegression

from streams import Field, Labels, Pipeline, per


class Sale(BaseModel):
    sale_id: str
    at_ms: int
    shop: str
    amount: float = Bound(le={most})
    returned: bool


sales = Pipeline(
    name="sales",
    event=Sale,
    id="sale_id",
    time="at_ms",
    labels=Labels(field="returned", task="binary"),
    features=[Field("amount"), per("shop").over("1h").count()],
    model=LogisticRegression,
    learning="inline_per_partition",
)
"""


def written(folder: Path, *, most: int) -> str:
    """A pipeline file whose events may cost `most`."""
    file = folder / f"most_{most}.py"
    file.write_text(DEFINITION.format(most=most))
    return f"{file}:sales"


def send(settings: Settings, target: str) -> Counter[str]:
    """Four hundred sales, one in twenty of them poison; how many of each reason."""
    pipeline = load(target)
    create_inputs(pipeline, settings, partitions=PARTITIONS)
    producer = Producer({**librdkafka(settings), "enable.idempotence": True})
    poison = Counter[str]()
    for number in range(EVENTS):
        at_ms, key = START_MS + number * 1_000, f"s{number % 30}".encode()
        sale = {"sale_id": f"e{number}", "at_ms": at_ms, "shop": key.decode(), "amount": 5.0, "returned": True}
        right = partition = partition_of(key, PARTITIONS)
        if number % 20 == 10:
            reason = (Reason.INVALID, Reason.TIME_AHEAD, Reason.WRONG_PARTITION)[number // 20 % 3]
            poison[reason] += 1
            sale["amount"] = 50.0 if reason is Reason.INVALID else 5.0
            sale["at_ms"] = at_ms + DAY_MS if reason is Reason.TIME_AHEAD else at_ms
            partition = 1 - right if reason is Reason.WRONG_PARTITION else right
        topic = pipeline.topics(settings.topic_prefix).events
        producer.produce(topic, json.dumps(sale).encode(), key, partition=partition, timestamp=at_ms)
    assert producer.flush(30.0) == 0
    return poison


def times_scored(settings: Settings, target: str) -> Counter[str]:
    topic = load(target).topics(settings.topic_prefix).scored
    return Counter(row["event_id"] for row in decoded(settings, topic, Scored))


def test_what_is_mended_and_sent_again_is_scored_once(settings: Settings, tmp_path: Path) -> None:
    narrow, wide = written(tmp_path, most=10), written(tmp_path, most=100)
    poison = send(settings, narrow)
    again = ("--reason", "time_ahead", "--reason", "wrong_partition", "--yes")

    with worker(settings, narrow, tmp_path) as running:
        wait_folded(settings, load(narrow), running)
        first = told(settings, "list", narrow)
        sent = told(settings, "replay", narrow, *again)
        wait_folded(settings, load(narrow), running)
        assert told(settings, "replay", narrow, *again)["sent"] == 0

    assert {reason: sums["records"] for reason, sums in first["totals"].items()} == poison
    assert sent["reasons"] == {reason: poison[reason] for reason in ("time_ahead", "wrong_partition")}
    assert set(times_scored(settings, narrow).values()) == {1}
    assert len(times_scored(settings, narrow)) == EVENTS - poison["invalid"]

    with worker(settings, wide, tmp_path) as running:
        assert told(settings, "replay", wide, "--all", "--yes")["reasons"] == {"invalid": poison["invalid"]}
        wait_folded(settings, load(wide), running)
        assert told(settings, "replay", wide, "--all", "--yes")["sent"] == 0
        wait_folded(settings, load(wide), running)

    assert times_scored(settings, wide) == Counter(f"e{number}" for number in range(EVENTS))
