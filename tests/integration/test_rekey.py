"""Inputs of any key on any number of partitions, keyed anew on real servers, killed and started again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import clickhouse_connect
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from river.anomaly import HalfSpaceTrees

from infra import topics as kafka_topics
from infra.audit.opened import opened
from infra.embedded.process import ServerProcess
from infra.feed import create_inputs, feed, partitions_there, routes
from infra.pipeline_topics import create, stages_there
from infra.settings import Settings, clickhouse, librdkafka
from producers.known import Kind, Known
from schemas.outcome import Outcome
from schemas.payment import Chargeback, Payment
from schemas.problem import Problem
from schemas.reject import HEADER_REASON, HEADER_STAGE
from schemas.rekeyed import HEADER_FROM, HEADER_KEY
from schemas.reply import Reply
from schemas.scored import Scored
from streams.load import load
from streams.plan import stages
from streams.runtime.codec import Headers
from tests.integration.asking import payment, put
from tests.integration.driven import SENT_S, ask, fold
from tests.integration.harness import FOLDED_S, MILLRACE, PIPELINES, decoded, environment, read, wait
from tests.integration.test_skew import payments
from tests.integration.test_stages import kill
from tests.streams.builders import Tap, pipeline

pytestmark = pytest.mark.servers

REKEYED = f"{PIPELINES / 'rekeyed.py'}:rekeyed"
TILLS = f"{PIPELINES / 'till.py'}:tills"
REKEYS = ("rekey_events", "rekey_labels")
EVENTS_ON, LABELS_ON = 3, 2
EVENTS = 1_000
HALVES = [list(payments(0, EVENTS // 2)), list(payments(EVENTS // 2, EVENTS))]
PAYMENTS = {e.record.transaction_id: e.record for half in HALVES for e in half if isinstance(e.record, Payment)}
LABELLED = {e.record.transaction_id for half in HALVES for e in half if isinstance(e.record, Chargeback)}
AHEAD = (
    b'{"transaction_id": "ahead", "occurred_at": "2099-01-01T00:00:00Z", "customer_id": "c1", "terminal_id": "m1", '
    b'"amount": 1.0}'
)
BROKEN = (b"nonsense", None, b'{"transaction_id": "t1"}', AHEAD)
"""What stands on the last partition of the events beside payments. Only the first step knows what is ahead."""


def detector() -> HalfSpaceTrees:
    """A model that needs no labels."""
    return HalfSpaceTrees(seed=1)


@dataclass(frozen=True)
class Inputs:
    """The topics of somebody who knows nothing of the pipeline: no keys, other keys, any partition."""

    settings: Settings
    target: str

    def create(self) -> None:
        topics = load(self.target).topics(self.settings.topic_prefix)
        specs = [
            kafka_topics.TopicSpec(name=topics.events, partitions=EVENTS_ON),
            kafka_topics.TopicSpec(name=topics.labels, partitions=LABELS_ON),
        ]
        kafka_topics.ensure(AdminClient({**librdkafka(self.settings)}), specs)

    def send(self, records: Sequence[Known], broken: Sequence[bytes | None] = ()) -> None:
        """Events in turn on every partition, without a key; labels keyed by what they are about, but not where."""
        ways = routes(load(self.target), self.settings)
        producer = Producer({**librdkafka(self.settings)})
        for number, (time_ms, kind, record) in enumerate(records):
            _, value = ways[kind].message(record)
            event = kind is Kind.EVENT
            key, partition = (None, number % EVENTS_ON) if event else (b"l%d" % number, number % LABELS_ON)
            producer.produce(ways[kind].topic, value, key, partition=partition, timestamp=time_ms)
        for bad in broken:
            producer.produce(ways[Kind.EVENT].topic, bad, b"k", partition=EVENTS_ON - 1, timestamp=records[-1].time_ms)
        assert producer.flush(SENT_S) == 0


def rows(settings: Settings, model: type[Scored] | type[Outcome]) -> dict[str, dict[str, Any]]:
    """The row of every event; there is one of each."""
    found = decoded(settings, load(REKEYED).topics(settings.topic_prefix).named(model.TOPIC), model)
    by_id = {row["event_id"]: row for row in found}
    assert len(by_id) == len(found)
    return by_id


def told(settings: Settings, *arguments: str) -> dict[str, Any]:
    """What a command says as JSON, where nothing is wrong."""
    ran = ask(settings, *arguments, "--json")
    assert ran.exit_code == 0, ran.output
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def scored_while_killed(settings: Settings, logs: Path) -> None:
    """Half of the inputs before the worker starts, half while it runs; its first stages are killed in either."""
    topics, inputs = load(REKEYED).topics(settings.topic_prefix), Inputs(settings, REKEYED)
    inputs.send(HALVES[0], BROKEN)
    command = [*MILLRACE, "worker", REKEYED]
    with ServerProcess("the worker", command, log_path=logs / "log", env=environment(settings)) as worker:

        def rekeyed(role: str, more: int) -> None:
            topic = topics.rekeyed(1, role)
            wait(f"{role} are rekeyed", lambda: len(read(settings, topic)) > more, [worker], within_s=FOLDED_S)

        rekeyed("events", 0)
        kill(worker, "rekey_events")
        rekeyed("labels", 0)
        kill(worker, "rekey_labels")
        wait("half is scored", lambda: len(rows(settings, Scored)) == EVENTS // 2, [worker], within_s=FOLDED_S)
        inputs.send(HALVES[1])
        rekeyed("events", sum(each.kind is Kind.EVENT for each in HALVES[0]))
        kill(worker, "rekey_events")
        wait("all is scored", lambda: len(rows(settings, Scored)) == EVENTS, [worker], within_s=FOLDED_S)
        wait("all is learnt", lambda: len(rows(settings, Outcome)) == len(LABELLED), [worker], within_s=FOLDED_S)
        asked = payment(1)
        put(settings, topics.requests, asked, asked.model_dump_json().encode(), key=asked.customer_id)
        wait("a request is answered", lambda: bool(read(settings, topics.replies)), [worker], within_s=FOLDED_S)


def in_the_tables(settings: Settings) -> None:
    """Every record of every stage is accounted for in ClickHouse, by the partition that it was read from."""
    assert ask(settings, "sink", REKEYED, "--until-idle").exit_code == 0
    with clickhouse_connect.get_client(**clickhouse(settings), autogenerate_session_id=False) as client:
        balance = client.query("SELECT stage, role, partition, missing FROM balance").result_rows
        stored = client.query("SELECT what, partition, in_ledger, in_table FROM stored").result_rows
        broken = client.query("SELECT count() FROM broken_chain").result_rows
    assert {(stage, partition) for stage, _, partition, _ in balance if stage.startswith("rekey")} == {
        *(("rekey_events", partition) for partition in range(EVENTS_ON)),
        *(("rekey_labels", partition) for partition in range(LABELS_ON)),
    }
    assert [row for row in balance if row[-1]] == []
    assert [row for row in stored if row[2] != row[3]] == []
    assert sum(found for what, _, _, found in stored if what == "rejected") == len(BROKEN)
    assert broken == [(0,)]


def in_kafka(settings: Settings, partitions: int) -> None:
    """Every event is scored once, every label has taught once, and each ledger says how."""
    made = load(REKEYED)
    topics, scored = made.topics(settings.topic_prefix), rows(settings, Scored)
    assert {name: row["features"][:2] for name, row in scored.items()} == {
        name: [each.amount, float(each.occurred_at.hour < 6)] for name, each in PAYMENTS.items()
    }
    assert rows(settings, Outcome).keys() == LABELLED
    assert {row["source_topic"] for row in scored.values()} == {topics.rekeyed(1, "events")}
    rejected = [dict(cast(Headers, record.headers())) for record in read(settings, topics.rejected)]
    reasons = {each[HEADER_REASON]: each[HEADER_STAGE].decode() for each in rejected}
    assert len(rejected) == len(reasons) == len(BROKEN)
    first = stages(made, partitions)[len(REKEYS)]
    assert reasons == {**dict.fromkeys((b"empty", b"invalid", b"not_avro"), "rekey_events"), b"time_ahead": first}
    (ahead,) = (each for each in rejected if each[HEADER_STAGE] != b"rekey_events")
    assert ahead[HEADER_KEY] == b"k"
    assert ahead[HEADER_FROM].decode().startswith(f"{topics.events}/{EVENTS_ON - 1}@")
    for stage in stages(made, partitions):
        assert told(settings, "verify", REKEYED, "--stage", stage)["holds"], stage


def test_inputs_of_any_key_are_scored_and_learnt_once_though_their_stages_are_killed(
    settings: Settings, tmp_path: Path
) -> None:
    Inputs(settings, REKEYED).create()
    assert create(load(REKEYED), settings, partitions=1) == 1
    scored_while_killed(settings, tmp_path)

    in_kafka(settings, 1)
    in_the_tables(settings)
    topics = load(REKEYED).topics(settings.topic_prefix)
    (reply,) = decoded(settings, topics.replies, Reply)
    assert set(reply["positions"]) == {topics.rekeyed(1, role) for role in ("events", "labels")}
    (found,) = told(settings, "backtest", REKEYED)["pipelines"].values()
    assert found["counts"]["events.scored"] == EVENTS


def test_stages_of_several_entities_go_on_from_what_is_keyed_anew(settings: Settings) -> None:
    made, inputs = load(REKEYED), Inputs(settings, REKEYED)
    inputs.create()
    create(made, settings, partitions=2)
    for half, broken in zip(HALVES, (BROKEN, ()), strict=True):
        inputs.send(half, broken)
        with opened(made, settings) as found:
            assert [stage.stage for stage in found] == [*REKEYS, "by_customer_id", "score", "monitor"]
            for stage in found:
                fold(stage)

    in_kafka(settings, 2)
    checked = told(settings, "verify", REKEYED, "--features")
    assert (checked["events"], [each for each in checked["features"] if each["unequal"]]) == (EVENTS, [])
    assert told(settings, "replay", REKEYED, "t42")["equal"]
    status = {each["tasks"][0]["stage"]: len(each["tasks"]) for each in told(settings, "status", REKEYED)["stages"]}
    assert status == {"rekey_events": 3, "rekey_labels": 2, "by_customer_id": 2, "score": 2, "monitor": 2}
    in_the_tables(settings)
    sent = told(settings, "rejected", "replay", REKEYED, "--all", "--yes")["topics"]
    assert sent == {made.topics(settings.topic_prefix).events: len(BROKEN)}


@pytest.mark.parametrize(("rekey", "many"), [(("labels",), 3), (("events",), 2), (("events", "labels"), 3)])
def test_the_rest_has_as_many_partitions_as_what_is_not_keyed_anew(
    settings: Settings, rekey: tuple[str, ...], many: int
) -> None:
    made = pipeline(rekey=rekey, learning="inline_per_partition")
    topics = made.topics(settings.topic_prefix)
    create_inputs(pipeline(events_topic=topics.events, labels=None, model=detector), settings, partitions=EVENTS_ON)
    create_inputs(pipeline(events_topic=topics.labels, labels=None, model=detector), settings, partitions=LABELS_ON)

    assert create(made, settings) == partitions_there(made, settings) == many
    assert stages_there(made, settings) == (*(f"rekey_{role}" for role in rekey), "score", "monitor")
    admin = AdminClient({**librdkafka(settings)})
    there = {name: len(found.partitions) for name, found in admin.list_topics(timeout=SENT_S).topics.items()}
    on = {"events": EVENTS_ON, "labels": LABELS_ON}
    assert {role: there[topics.ledger(1, f"rekey_{role}")] for role in rekey} == {role: on[role] for role in rekey}
    assert {there[topics.rekeyed(1, role)] for role in rekey} == {there[topics.scored]} == {many}
    later = pipeline(rekey=("events", "labels"), version=2, learning="inline_per_partition")
    assert partitions_there(later, settings) == many
    assert feed(made, [Known(1, Kind.EVENT, Tap(tap_id="1", at_ms=1))], settings).created == ()


def test_who_forgets_it_is_told_before_anything_is_created(settings: Settings) -> None:
    Inputs(settings, TILLS).create()

    with pytest.raises(Problem, match=r'tills.labels has partitions 2, and 3 is needed: .* rekey=\("labels",\)'):
        ask(settings, "worker", TILLS, "--stage", "score")
