"""Bugs to plant in how rows are inserted: tokens, ranges, checks, patience. One small patch each."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from consumers.buffer import Batch, Buffer
from consumers.clickhouse import SETTINGS, ClickHouse, Standing
from consumers.group import Group
from consumers.insert import Held, Inserter
from consumers.intent import Intent
from consumers.patience import Away, Patience
from consumers.rows import Row
from consumers.tables import Table
from tests.consumers.away import faults
from tests.consumers.crashes import Law, lost_offsets, single_crashes
from tests.consumers.sleepers import long_sleepers

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


def forgotten_tokens_trusted(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Standing, "token_forgotten", False)


def old_inserts_not_looked_for(patched: pytest.MonkeyPatch) -> None:
    patched.setattr("consumers.insert.FRESH_S", float("inf"))


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


def the_check_after_the_intent(patched: pytest.MonkeyPatch) -> None:
    check, insert = Inserter.check, Inserter.insert

    def late(self: Inserter, batch: Batch, held: Held) -> None:
        check(self, batch, held)
        insert(self, batch, held)

    patched.setattr(Inserter, "check", _no_check)
    patched.setattr(Inserter, "insert", late)


def no_check_at_all(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Inserter, "check", _no_check)


def _no_check(*_: object) -> None:
    return None


INSERTS: dict[Plant, Law] = {
    one_token_for_all_inserts: single_crashes,
    inserts_without_a_token: single_crashes,
    a_retry_under_a_new_token: single_crashes,
    a_found_intent_under_a_new_token: single_crashes,
    a_found_range_cut_anew: single_crashes,
    forgotten_tokens_trusted: long_sleepers,
    old_inserts_not_looked_for: long_sleepers,
    an_insert_given_up_when_the_answer_is_lost: faults,
    roll_ups_without_tokens: single_crashes,
    the_check_after_the_intent: lost_offsets,
    no_check_at_all: lost_offsets,
}
"""Bug -> the law that it breaks."""
