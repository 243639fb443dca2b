"""One record in a hundred is poison: everything is accounted for, the poison unchanged, and the stream goes on."""

from collections import Counter
from typing import cast

import pytest
from confluent_kafka import Message

from schemas.outcome import Outcome
from schemas.reject import (
    HEADER_MESSAGE,
    HEADER_OFFSET,
    HEADER_PARTITION,
    HEADER_PREFIX,
    HEADER_REASON,
    HEADER_STAGE,
    HEADER_TIMESTAMP_MS,
    HEADER_TOPIC,
)
from schemas.scored import Scored
from tests.integration.harness import decoded, read, results
from tests.integration.poison import LARGEST
from tests.integration.shop import TABLES, Shop

pytestmark = pytest.mark.servers


def headers(record: Message) -> list[tuple[str, bytes | None]]:
    return [(name, value) for name, value in cast("list[tuple[str, bytes | None]]", record.headers() or [])]


def test_what_came_in_is_what_was_scored_repeated_late_or_rejected(shop: Shop) -> None:
    topics = shop.pipeline.topics(shop.settings.topic_prefix)
    came = len(read(shop.settings, topics.events))
    found = results(shop.score, "events")

    assert found == dict(shop.story.expected)
    assert sum(found.values()) == came == shop.story.events
    assert len(read(shop.settings, topics.scored)) == found["scored"]
    assert len(read(shop.settings, topics.rejected)) == found["rejected"]


def test_every_label_meets_its_event_once(shop: Shop) -> None:
    topics = shop.pipeline.topics(shop.settings.topic_prefix)
    outcomes = decoded(shop.settings, topics.outcomes, Outcome)
    scored = {row["event_id"]: row for row in decoded(shop.settings, topics.scored, Scored)}

    assert results(shop.score, "labels") == {"learnt": shop.story.labels}
    assert len({row["event_id"] for row in outcomes}) == len(outcomes) == shop.story.labels
    assert all(row["features"] == scored[row["event_id"]]["features"] for row in outcomes)


def test_a_rejected_record_is_what_it_was_and_says_why(shop: Shop) -> None:
    topics = shop.pipeline.topics(shop.settings.topic_prefix)
    events = {(record.partition(), record.offset()): record for record in read(shop.settings, topics.events)}
    reasons = Counter[str]()
    for rejected in read(shop.settings, topics.rejected):
        told = {name: (value or b"").decode() for name, value in headers(rejected) if name.startswith(HEADER_PREFIX)}
        place = int(told[HEADER_PARTITION]), int(told[HEADER_OFFSET])
        came = events[place]
        reasons[told[HEADER_REASON]] += 1

        assert (rejected.key(), rejected.value()) == (came.key(), came.value())
        assert headers(rejected)[: len(headers(came))] == headers(came)
        assert rejected.partition() == came.partition()
        assert rejected.timestamp()[1] == came.timestamp()[1] == int(told[HEADER_TIMESTAMP_MS])
        assert (told[HEADER_TOPIC], told[HEADER_STAGE]) == (topics.events, "score")
        assert told[HEADER_MESSAGE]

    assert reasons == Counter(str(reason) for _, reason in shop.story.poison)


def test_the_stream_goes_on_after_the_last_poison(shop: Shop) -> None:
    topics = shop.pipeline.topics(shop.settings.topic_prefix)
    last: dict[int | None, int] = {}
    for record in read(shop.settings, topics.rejected):
        place = next(int(value or b"") for name, value in headers(record) if name == HEADER_OFFSET)
        last[record.partition()] = max(place, last.get(record.partition(), 0))
    scored = decoded(shop.settings, topics.scored, Scored)

    assert all(any(r["source_partition"] == p and r["source_offset"] > at for r in scored) for p, at in last.items())


def test_every_table_holds_every_record_once(shop: Shop) -> None:
    topics = shop.pipeline.topics(shop.settings.topic_prefix)
    with shop.client() as client:
        for table, topic in zip(TABLES, topics.outputs, strict=True):
            asked = f"SELECT count(), uniqExact(topic, partition, offset) FROM {table}"
            rows, positions = client.query(asked).result_rows[0]

            assert rows == positions == len(read(shop.settings, topic))


def test_the_tables_tell_rejects_by_reason_and_keep_their_bytes(shop: Shop) -> None:
    expected = Counter(str(reason) for _, reason in shop.story.poison)
    with shop.client() as client:
        told = client.query("SELECT reason, sum(rejected) FROM rejects_by_reason GROUP BY reason").result_rows
        junk = "SELECT DISTINCT length(value), hex(substring(value, 1, 5)) FROM rejected WHERE reason = 'not_avro'"
        kept = client.query(junk).result_rows

    assert {str(reason): count for reason, count in told} == expected
    assert {tuple(row) for row in kept} == {(5, b"\x07junk".hex().upper()), (LARGEST, "07" * 5)}
