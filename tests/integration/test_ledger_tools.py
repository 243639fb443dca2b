"""Asking a ledger: a calm run holds, whatever was changed behind its back is named, and repair goes on from it."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient
from pydantic import SecretStr

from infra.audit.opened import Opened
from infra.settings import Settings, librdkafka
from schemas.problem import Problem
from schemas.scored import Scored
from streams.load import load
from streams.runtime import checkpoint, manifest
from streams.runtime.environment import environment
from streams.runtime.ledger import Chain, Named, Work
from tests.integration.driven import ask, fold, given, put, scoring
from tests.integration.harness import (
    PIPELINES,
    decoded,
    metrics_url,
    wait_folded,
    worker,
)
from tests.integration.shop import TARGET as SHOP
from tests.integration.shop import Shop
from tests.integration.test_restart import payments

pytestmark = pytest.mark.servers

TILLS = f"{PIPELINES / 'till.py'}:tills"
DONE_S = 30.0


def said(settings: Settings, *arguments: str, status: int = 0) -> dict[str, Any]:
    """What a command says as JSON, where it exits so."""
    ran = ask(settings, *arguments, "--json")
    assert ran.exit_code == status, ran.output
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_a_calm_run_holds_in_every_batch_and_every_output(shop: Shop) -> None:
    found = said(shop.settings, "verify", SHOP)

    assert found["holds"]
    assert [each["result"] for each in found["ledgers"]] == ["holds"] * 4
    score = [each for each in found["ledgers"] if each["stage"] == "score"]
    assert sum(each["records"] for each in score) == sum(shop.story.expected.values()) + shop.story.labels
    assert all(each["folded_again"] == each["entries"] - 1 > 0 for each in found["ledgers"])
    assert all(each["chain_only"] is None for each in found["ledgers"])


def test_a_past_event_is_scored_again_bit_for_bit(shop: Shop) -> None:
    topics = shop.pipeline.topics(shop.settings.topic_prefix)
    row = decoded(shop.settings, topics.scored, Scored)[-40]

    found = said(shop.settings, "replay", SHOP, row["event_id"])

    assert found["equal"]
    assert found["differing"] == []
    assert found["differing_before"] == 0
    assert struct.pack(">d", found["score"]) == struct.pack(">d", row["score"])
    assert found["features"] == dict(zip(shop.pipeline.feature_names, row["features"], strict=True))
    assert found["model_id"] == row["model_id"]
    place = (found["input"]["topic"], found["input"]["partition"], found["input"]["offset"])
    assert place == (row["source_topic"], row["source_partition"], row["source_offset"])
    assert "the same in all 64 bits" in ask(shop.settings, "replay", SHOP, row["event_id"]).stdout


def test_an_id_that_was_never_scored_is_one_sentence(shop: Shop) -> None:
    with pytest.raises(Problem, match="no event nobody was scored in"):
        ask(shop.settings, "replay", SHOP, "nobody")


def test_a_pipeline_that_has_not_begun_is_said_to_have_no_ledger(settings: Settings) -> None:
    for command in (("verify",), ("status",), ("repair", "--yes"), ("replay", "e1")):
        with pytest.raises(Problem, match="has no ledger yet"):
            ask(settings, command[0], TILLS, *command[1:])


def test_status_tells_where_every_task_stands(shop: Shop) -> None:
    found = said(shop.settings, "status", SHOP)
    shown = ask(shop.settings, "status", SHOP).stdout

    tasks = [task for stage in found["stages"] for task in stage["tasks"]]
    assert len(tasks) == 4
    assert all(task["disagreements"] == [] and task["environment_differs"] == [] for task in tasks)
    assert all(task["committed_seq"] == task["seq"] > 0 for task in tasks)
    events = [position for task in tasks[:2] for position in task["positions"]]
    assert all(position["lag"] == 0 for position in events)
    assert sum(task["counts"]["events.scored"] for task in tasks[:2]) == shop.story.expected["scored"]
    assert all(task["last_entry_age_s"] >= 0 and task["checkpoint_seq"] is not None for task in tasks)
    assert f"{shop.settings.topic_prefix}shop.v1.score" in shown


def test_a_running_worker_is_shown_and_its_offsets_are_not_repaired(settings: Settings, tmp_path: Path) -> None:
    given(settings, TILLS, payments(0, 300), partitions=2)
    with worker(settings, TILLS, tmp_path) as running:
        wait_folded(settings, load(TILLS), running)
        metrics_url(running)
        found = said(settings, "status", TILLS)["stages"][0]
        verified = said(settings, "verify", TILLS, "--stage", "score")
        with pytest.raises(Problem, match=r"is in use by .*: stop the workers first"):
            ask(settings, "repair", TILLS, "--yes")

    assert found["state"] == "stable"
    assert {task["owner"] for task in found["tasks"]} == {found["members"][0]["id"]}
    assert verified["holds"]


@pytest.mark.parametrize("how", ["reset", "deleted"])
def test_offsets_that_were_changed_by_hand_are_named_and_repaired(settings: Settings, how: str) -> None:
    given(settings, TILLS, payments(0, 600), partitions=2)
    with scoring(settings, TILLS) as stage:
        fold(stage)
        _change(stage, how)
        told = said(settings, "status", TILLS)["stages"][0]["tasks"][1]["disagreements"]
        with pytest.raises(Problem, match="millrace repair"):
            fold(stage)
        with pytest.raises(Problem, match="nobody can be asked here: give --yes"):
            ask(settings, "repair", TILLS)

        shown = ask(settings, "repair", TILLS, "--stage", "score", "--yes").stdout
        given(settings, TILLS, payments(600, 900), partitions=2)
        fold(stage)

    assert len(told) == 1
    assert "millrace repair" in told[0]
    assert "partition 1: offsets are those of entry" in shown
    assert "nothing to repair" in ask(settings, "repair", TILLS, "--yes").stdout
    assert said(settings, "verify", TILLS)["holds"]
    ids = [row["event_id"] for row in decoded(settings, stage.topics.scored, Scored)]
    assert sorted(ids) == sorted({f"t{number}" for number in range(900)})


def _change(stage: Opened, how: str) -> None:
    """Set the events of partition 1 back to 5, or let the whole group go."""
    group = stage.binding.group
    if how == "deleted":
        stage.admin.delete_consumer_groups([group])[group].result(DONE_S)
        return
    back = ConsumerGroupTopicPartitions(group, [TopicPartition(stage.topics.events, 1, 5)])
    stage.admin.alter_consumer_group_offsets([back])[group].result(DONE_S)


def test_forged_cut_and_flipped_records_are_named_by_partition(settings: Settings) -> None:
    signing = settings.model_copy(update={"ledger_key": SecretStr("a key of ours")})
    given(signing, TILLS, payments(0, 900), partitions=3)
    with scoring(signing, TILLS) as stage:
        fold(stage)
        assert said(signing, "verify", TILLS)["holds"]
        assert said(settings, "verify", TILLS)["holds"]
        _forge(settings, stage, 0)
        _cut(stage, 1)
        _flip(settings, stage, 2)
        found = said(signing, "verify", TILLS, "--stage", "score", status=1)["ledgers"]
        shown = ask(signing, "verify", TILLS, "--stage", "score")

    assert [each["result"] for each in found] == ["broken", "differs", "differs"]
    assert "it may be forged" in found[0]["broken"]
    assert ["what came before was cut off" in told for told in found[1]["differences"]] == [True]
    assert found[1]["folded_again"] > 0
    assert ["that is not that of its bytes" in told for told in found[2]["differences"]] == [True]
    assert shown.exit_code == 1
    assert all(each["differences"][0] in shown.stdout for each in found)
    assert f"computed from entry 0 on by {environment()}" in shown.stdout


def _forge(settings: Settings, stage: Opened, partition: int) -> None:
    """An entry that follows on the last one in every way, but that nobody with the key has written."""
    span = stage.auditor.span(partition)
    assert span is not None
    last = span.last
    named = Named(
        pipeline=last.pipeline,
        version=last.version,
        stage=last.stage,
        partition=partition,
        environment=last.environment,
    )
    forged = Chain(named, None, last, epoch=last.epoch).next(Work(starts=last.ends, ends=last.ends, counts={}))
    put(settings, stage.binding.ledger.topic, partition, b"0", stage.binding.ledger.encode(forged.__dict__))


def _cut(stage: Opened, partition: int) -> None:
    """The first records of a ledger are gone."""
    place = TopicPartition(stage.binding.ledger.topic, partition, 3)
    for answer in stage.admin.delete_records([place]).values():
        answer.result(DONE_S)


def _flip(settings: Settings, stage: Opened, partition: int) -> None:
    """One bit of a saved value is another one."""
    topic = stage.binding.state_topic
    saved = next(record for run in stage.kafka.read(topic, partition, 0) for record in run.records)
    assert saved.value is not None
    put(settings, topic, partition, saved.key, saved.value[:-1] + bytes([saved.value[-1] ^ 1]))


def test_all_since_an_archive_is_verified_when_the_inputs_before_it_are_gone(
    settings: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "archives"
    given(settings, TILLS, payments(0, 600), partitions=2)
    with scoring(settings, TILLS) as stage:
        fold(stage)
        with pytest.raises(Problem, match="holds no archive of these tasks"):
            ask(settings, "verify", TILLS, "--from", str(folder))
        shown = ask(settings, "archive", TILLS, "--to", str(folder)).stdout
        ends = [_archived_ends(stage, number) for number in range(2)]
        given(settings, TILLS, payments(600, 900), partitions=2)
        fold(stage)
        _expire(stage, ends)
        found = said(settings, "verify", TILLS, "--stage", "score", "--from", str(folder))
        told = ask(settings, "verify", TILLS, "--from", str(folder)).stdout
    paths = sorted(folder.iterdir())

    assert len(paths) == 2
    assert all(str(path) in shown for path in paths)
    assert found["holds"]
    for each, path in zip(found["ledgers"], paths, strict=True):
        assert each["archive"] == str(path)
        assert each["result"] == "holds_in_part"
        assert each["chain_only"] is None
        assert each["folded_again"] == each["entries"] - 1 - each["archived_entry"] > 2
    assert f"with the state of entry {found['ledgers'][0]['archived_entry']} in {paths[0]}" in told

    with pytest.raises(Problem, match="is there already"):
        ask(settings, "archive", TILLS, "--to", str(folder))
    paths[1].write_bytes(paths[1].read_bytes()[:-1] + b"!")
    with pytest.raises(Problem, match=r"1\.archive was changed after it was written"):
        ask(settings, "verify", TILLS, "--from", str(folder))
    signing = settings.model_copy(update={"ledger_key": SecretStr("a key of ours")})
    with pytest.raises(Problem, match=r"not signed by our key .*, but by nobody"):
        ask(signing, "verify", TILLS, "--from", str(folder))


def test_a_pipeline_goes_on_under_another_key(settings: Settings) -> None:
    before = settings.model_copy(update={"ledger_key": SecretStr("the first, of 2025")})
    after = settings.model_copy(
        update={"ledger_key": SecretStr("the next"), "ledger_former_keys": (SecretStr("the first, of 2025"),)}
    )
    for signing, some in ((before, payments(0, 300)), (after, payments(300, 600))):
        given(signing, TILLS, some, partitions=2)
        with scoring(signing, TILLS) as stage:
            fold(stage)
    found = said(after, "verify", TILLS)

    assert found["holds"]
    assert {len(each["keys"]) for each in found["ledgers"] if each["stage"] == "score"} == {2}
    assert "by key" in said(before, "verify", TILLS, status=1)["ledgers"][0]["broken"]
    named = str(said(before, "status", TILLS))
    assert "is not signed by our key" in named
    assert "cut off" not in named


def _archived_ends(stage: Opened, partition: int) -> dict[str, int]:
    """Where the inputs stood when the state was saved last."""
    saved = [entry for entry in stage.auditor.entries(partition) if entry.checkpoint]
    return saved[-1].ends


def _expire(stage: Opened, ends: list[dict[str, int]]) -> None:
    """Of every input all records before these offsets are gone."""
    places = [
        TopicPartition(topic, number, offset) for number, each in enumerate(ends) for topic, offset in each.items()
    ]
    for answer in stage.admin.delete_records(places).values():
        answer.result(DONE_S)


def test_a_state_of_another_layout_is_folded_again_once_its_topic_is_deleted(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    given(settings, TILLS, payments(0, 300), partitions=2)
    with scoring(settings, TILLS) as stage:
        fold(stage)
        state = stage.binding.state_topic
        monkeypatch.setattr(checkpoint, "LAYOUT", manifest.LAYOUT + 1)
        given(settings, TILLS, payments(300, 600), partitions=2)
        with pytest.raises(Problem, match=r"was saved in layout .* delete the topic and run `millrace repair`"):
            fold(stage)
        with pytest.raises(Problem, match=r"was saved in layout .* delete the topic and run `millrace repair`"):
            ask(settings, "repair", TILLS, "--yes")
        stage.admin.delete_topics([state], operation_timeout=DONE_S)[state].result(DONE_S)

    shown = ask(settings, "repair", TILLS, "--yes").stdout
    with scoring(settings, TILLS) as again:
        fold(again)

    assert f"{state} was not there: created" in shown
    assert "partition 1: offsets are those of entry" in shown
    assert said(settings, "verify", TILLS)["holds"]
    ids = [row["event_id"] for row in decoded(settings, again.topics.scored, Scored)]
    assert sorted(ids) == sorted(f"t{number}" for number in range(600))


def test_a_ledger_that_was_deleted_is_named_by_every_command(settings: Settings) -> None:
    given(settings, TILLS, payments(0, 100), partitions=2)
    with scoring(settings, TILLS) as stage:
        fold(stage)
    ledger = load(TILLS).topics(settings.topic_prefix).ledger(1, "score")
    admin = AdminClient({**librdkafka(settings)})
    admin.delete_topics([ledger])[ledger].result(30)

    for command in (("verify",), ("status",), ("repair", "--yes")):
        with pytest.raises(Problem, match=f"{ledger} is missing"):
            ask(settings, command[0], TILLS, *command[1:])
