"""Clients that know nothing of Millrace: Confluent's serialisers, clickhouse-connect, curl."""

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from infra.feed import create_inputs
from infra.settings import Settings, librdkafka, schema_registry
from schemas.outcome import Outcome
from schemas.reject import HEADER_REASON
from schemas.scored import Scored
from streams.load import load
from tests.integration.harness import PIPELINES, decoded, read, wait_folded, worker
from tests.integration.shop import Shop

pytestmark = pytest.mark.servers

TARGET = f"{PIPELINES / 'shop.py'}:shop"
START = datetime(2026, 3, 2, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)
THEIRS = {
    "type": "record",
    "name": "CardPayment",
    "namespace": "com.example.payments",
    "fields": [
        {"name": "channel", "type": "string", "default": "pos"},
        {"name": "transaction_id", "type": "string"},
        {"name": "amount", "type": "double"},
        {"name": "occurred_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "terminal_id", "type": "string"},
        {"name": "customer_id", "type": "string"},
    ],
}


def payment(number: int) -> dict[str, Any]:
    return {
        "transaction_id": f"t{number}",
        "customer_id": f"c{number % 3}",
        "terminal_id": "m1",
        "amount": 10.0 + number,
        "occurred_at": START_MS + 1000 * number,
    }


def test_confluents_deserializer_reads_the_scored_topic(shop: Shop) -> None:
    topic = shop.pipeline.topics(shop.settings.topic_prefix).scored
    with SchemaRegistryClient(schema_registry(shop.settings)) as registry:
        stock = AvroDeserializer(registry)
        context = SerializationContext(topic, MessageField.VALUE)
        rows = [stock(record.value(), context) for record in read(shop.settings, topic)]

    assert rows == decoded(shop.settings, topic, Scored)
    assert len(rows) == shop.story.expected["scored"]
    assert Scored(**rows[0]).event_id == rows[0]["event_id"]


def test_events_of_a_users_own_record_and_json_are_scored_side_by_side(settings: Settings, tmp_path: Path) -> None:
    pipeline = load(TARGET)
    topics = pipeline.topics(settings.topic_prefix)
    kafka = librdkafka(settings)
    create_inputs(pipeline, settings, partitions=2)
    producer = Producer({**kafka, "partitioner": "murmur2_random"})
    with SchemaRegistryClient(schema_registry(settings)) as registry:
        write = AvroSerializer(registry, json.dumps(THEIRS), conf={"auto.register.schemas": True})
        context = SerializationContext(topics.events, MessageField.VALUE)
        for number in range(60):
            fields = payment(number)
            avro = write({**fields, "channel": "web"}, context)
            own = json.dumps({**fields, "occurred_at": START.replace(second=number).isoformat()}).encode()
            value = own if number % 2 else avro
            producer.produce(topics.events, value, fields["customer_id"], timestamp=fields["occurred_at"])
    assert producer.flush(30.0) == 0
    with worker(settings, TARGET, tmp_path) as running:
        wait_folded(settings, pipeline, running)
    reasons = [dict(r.headers() or [])[HEADER_REASON] for r in read(settings, topics.rejected)]

    assert reasons == []
    assert {row["event_id"] for row in decoded(settings, topics.scored, Scored)} == {f"t{n}" for n in range(60)}


def test_clickhouse_connect_asks_with_bound_parameters(shop: Shop) -> None:
    with shop.client() as client:
        asked = "SELECT count() FROM scored WHERE event_id = {id:String}"
        once = client.query(asked, parameters={"id": "t1"}).result_rows
        frame = client.query_arrow("SELECT event_id, score, features FROM scored ORDER BY event_id LIMIT 5")

    assert once == [(1,)]
    assert frame.num_rows == 5


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_asks_over_http(shop: Shop) -> None:
    query = "SELECT count() AS labelled, countIf(learnt) AS learnt FROM outcomes FORMAT JSONEachRow"
    where = f"{shop.settings.clickhouse_url}/?{urlencode({'database': shop.settings.clickhouse_database})}"
    said = subprocess.run(
        ["curl", "--silent", "--fail", "--data-binary", query, where],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    topic = shop.pipeline.topics(shop.settings.topic_prefix).outcomes

    labelled = len(decoded(shop.settings, topic, Outcome))
    assert json.loads(said.stdout) == {"labelled": labelled, "learnt": labelled}
