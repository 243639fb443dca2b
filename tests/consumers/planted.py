"""Bugs to plant in the sink, one small patch each: the crash suite must find every one of them."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from consumers import start
from consumers.buffer import Batch, Buffer
from consumers.clickhouse import SETTINGS, ClickHouse, Standing
from consumers.group import Commit, Group
from consumers.insert import Held, Inserter
from consumers.intent import Intent
from consumers.kafka import Place
from consumers.patience import Away, Patience
from consumers.round import Round, Step
from consumers.rows import Row
from consumers.sink import Sink
from consumers.start import Start
from consumers.tables import Table
from tests.consumers.world import World

Plant = Callable[[pytest.MonkeyPatch], None]
INSERT, TAKE, READ = ClickHouse.insert, Buffer.take, Group.read


def one_token_for_all_inserts(patched: pytest.MonkeyPatch) -> None:
    patched.setattr("consumers.sink._token", lambda: "token")


def inserts_without_a_token(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(ClickHouse, "insert", lambda self, table, rows, _: INSERT(self, table, rows, ""))


def a_retry_under_a_new_token(patched: pytest.MonkeyPatch) -> None:
    def insert(self: ClickHouse, table: Table, rows: Sequence[Row], _: str) -> None:
        INSERT(self, table, rows, uuid.uuid4().hex)

    patched.setattr(ClickHouse, "insert", insert)


def a_found_intent_under_a_new_token(patched: pytest.MonkeyPatch) -> None:
    def take(self: Buffer, *args: Any, **named: Any) -> Batch:
        batch = TAKE(self, *args, **named)
        return replace(batch, intent=batch.intent.model_copy(update={"token": uuid.uuid4().hex}))

    patched.setattr(Buffer, "take", take)


def a_found_range_cut_anew(patched: pytest.MonkeyPatch) -> None:
    def take(self: Buffer, *args: Any, **named: Any) -> Batch:
        found, self.intent = self.intent, None
        batch = TAKE(self, *args, **named)
        if found is None:
            return batch
        cut = Intent(start=batch.intent.start, end=batch.intent.end, token=found.token)
        return replace(batch, intent=cut, resumed=True)

    patched.setattr(Buffer, "take", take)


def intents_not_committed(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Round, "intend", lambda _: True)


def positions_committed_before_the_insert(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Round, "intend", Round.commit)


def positions_not_committed(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Round, "commit", lambda _: True)


def found_intents_ignored(patched: pytest.MonkeyPatch) -> None:
    def starts(consumer: Any, partitions: Sequence[TopicPartition]) -> list[Start]:
        return [one._replace(intent=None) for one in start.starts(consumer, partitions)]

    patched.setattr("consumers.group.starts", starts)
    patched.setattr(Inserter, "check", _no_check)


def going_on_after_the_tables_highest_offset(patched: pytest.MonkeyPatch) -> None:
    def starts(consumer: Any, partitions: Sequence[TopicPartition]) -> list[Start]:
        return [Start(one.place, _highest(one.place) + 1, None) for one in start.starts(consumer, partitions)]

    patched.setattr("consumers.group.starts", starts)


def refused_commits_taken_for_done(patched: pytest.MonkeyPatch) -> None:
    commit = Group.commit

    def careless(self: Group, commits: list[Commit]) -> bool:
        commit(self, commits)
        return True

    patched.setattr(Group, "commit", careless)


def lost_partitions_not_forgotten(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Round, "forget", lambda *_: None)


def records_kept_that_came_before_the_partitions_changed_hands(patched: pytest.MonkeyPatch) -> None:
    def read(self: Group, most: int, within_s: float) -> list[Any]:
        messages = self._consumer.consume(most, timeout=within_s)
        return [found for message in messages if (found := self._fetched(message)) is not None]

    patched.setattr(Group, "read", read)


def markers_passed_while_an_insert_is_under_way(patched: pytest.MonkeyPatch) -> None:
    pass_markers = Sink._pass_markers

    def careless(self: Sink) -> None:
        under_way, self._round = self._round, None
        pass_markers(self)
        self._round = under_way

    patched.setattr(Sink, "_pass_markers", careless)


def full_buffers_paused_before_their_intent_is_read(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Buffer, "full", lambda self, limits: self.waiting >= 2 * limits.rows)


def the_check_after_the_intent(patched: pytest.MonkeyPatch) -> None:
    check, insert = Inserter.check, Inserter.insert

    def late(self: Inserter, batch: Batch, held: Held) -> None:
        check(self, batch, held)
        insert(self, batch, held)

    patched.setattr(Inserter, "check", _no_check)
    patched.setattr(Inserter, "insert", late)


def no_check_at_all(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Inserter, "check", _no_check)


def forgotten_tokens_trusted(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Standing, "token_forgotten", False)


def old_inserts_not_looked_for(patched: pytest.MonkeyPatch) -> None:
    patched.setattr("consumers.insert.FRESH_S", float("inf"))


def sleepers_stopped_by_what_their_successors_wrote(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Round, "_held", lambda _: True)


def an_insert_given_up_when_the_answer_is_lost(patched: pytest.MonkeyPatch) -> None:
    patiently = Patience.__call__

    def hasty(self: Patience, work: Callable[[], Any]) -> Any:
        def once() -> Any:
            try:
                return work()
            except Away:
                return None

        return patiently(self, once)

    patched.setattr(Patience, "__call__", hasty)


def roll_ups_without_tokens(patched: pytest.MonkeyPatch) -> None:
    patched.delitem(SETTINGS, "deduplicate_blocks_in_dependent_materialized_views")


def a_round_that_starts_with_its_insert(patched: pytest.MonkeyPatch) -> None:
    begin = Round.__init__

    def hasty(self: Round, *args: Any, **named: Any) -> None:
        begin(self, *args, **named)
        self.step = Step.INSERT

    patched.setattr(Round, "__init__", hasty)


def _no_check(*_: object) -> None:
    return None


def _highest(place: Place) -> int:
    rows = World.latest.server.table(place[0]).rows
    return max((offset for (topic, partition, offset), _ in rows if (topic, partition) == place), default=-1)


PLANTED: tuple[Plant, ...] = (
    one_token_for_all_inserts,
    inserts_without_a_token,
    a_retry_under_a_new_token,
    a_found_intent_under_a_new_token,
    a_found_range_cut_anew,
    intents_not_committed,
    positions_committed_before_the_insert,
    positions_not_committed,
    found_intents_ignored,
    going_on_after_the_tables_highest_offset,
    refused_commits_taken_for_done,
    lost_partitions_not_forgotten,
    records_kept_that_came_before_the_partitions_changed_hands,
    markers_passed_while_an_insert_is_under_way,
    full_buffers_paused_before_their_intent_is_read,
    the_check_after_the_intent,
    no_check_at_all,
    forgotten_tokens_trusted,
    old_inserts_not_looked_for,
    sleepers_stopped_by_what_their_successors_wrote,
    an_insert_given_up_when_the_answer_is_lost,
    roll_ups_without_tokens,
    a_round_that_starts_with_its_insert,
)
