"""Bugs to plant in the order of the steps and in what becomes of partitions. One small patch each."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import TopicPartition

from consumers import start
from consumers.buffer import Buffer
from consumers.clickhouse import ClickHouse
from consumers.group import Commit, Group
from consumers.insert import Inserter
from consumers.kafka import Place
from consumers.round import Round, Step
from consumers.sink import Sink
from consumers.start import Start
from tests.consumers.crashes import Law, changed_limits, crashes_while_inserting, single_crashes
from tests.consumers.sleepers import rebalances, sleepers
from tests.consumers.world import World

Plant = Callable[[pytest.MonkeyPatch], None]
INSERT, TAKE, READ = ClickHouse.insert, Buffer.take, Group.read


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


def sleepers_stopped_by_what_their_successors_wrote(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Round, "_held", lambda _: True)


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


STEPS: dict[Plant, Law] = {
    intents_not_committed: single_crashes,
    positions_committed_before_the_insert: single_crashes,
    positions_not_committed: single_crashes,
    found_intents_ignored: single_crashes,
    going_on_after_the_tables_highest_offset: single_crashes,
    refused_commits_taken_for_done: sleepers,
    lost_partitions_not_forgotten: sleepers,
    records_kept_that_came_before_the_partitions_changed_hands: rebalances,
    markers_passed_while_an_insert_is_under_way: crashes_while_inserting,
    full_buffers_paused_before_their_intent_is_read: changed_limits,
    sleepers_stopped_by_what_their_successors_wrote: sleepers,
    a_round_that_starts_with_its_insert: single_crashes,
}
"""Bug -> the law that it breaks."""
