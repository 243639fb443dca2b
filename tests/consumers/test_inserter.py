"""Before the first intent of a partition: can table and offset both be right? And when is a repeat left out?"""

import threading
import time
from collections.abc import Sequence

import pytest

from consumers.buffer import Batch
from consumers.clickhouse import WINDOW, ClickHouse, Refused, Standing
from consumers.insert import FRESH_S, Inserter
from consumers.intent import Intent
from consumers.metrics import SinkMetrics
from consumers.patience import Patience
from consumers.rows import Row
from consumers.tables import REJECTED, SCORED, Table
from schemas.problem import Problem


class Store(ClickHouse):
    """A ClickHouse whose tables have this standing, and that remembers the tables it was given rows for."""

    def __init__(self, **found: Standing) -> None:
        self.found = found
        self.inserts: list[tuple[str, str]] = []
        self.asked = 0
        self.patiently = Patience(stop=threading.Event(), metrics=SinkMetrics("payments", 1))

    def standing(self, table: Table, topic: str, partition: int, positions: tuple[int, int]) -> Standing:  # noqa: ARG002
        self.asked += 1
        return self.found.get(table.name, standing())

    def insert(self, table: Table, rows: Sequence[Row], token: str) -> None:  # noqa: ARG002
        self.inserts.append((table.name, token))


def standing(highest: int | None = None, present: int = 0, inserts_since: int = 0) -> Standing:
    return Standing(highest=highest, present=present, inserts_since=inserts_since)


def batch(
    *, resumed: bool = False, first: bool = True, age_s: float = 0.0, tables: Sequence[Table] = (SCORED,)
) -> Batch:
    rows: dict[str, tuple[Table, list[Row]]] = {
        table.name: (table, [("t", 0, offset) for offset in range(5, 9)]) for table in tables
    }
    return Batch(
        topic="t",
        partition=0,
        intent=Intent(start=5, end=9, token="token"),
        rows=rows,
        size_bytes=0,
        resumed=resumed,
        first=first,
        taken_s=time.time() - age_s,
    )


def inserter(store: Store) -> Inserter:
    return Inserter(store, {"t": SCORED}, SinkMetrics("payments", 1))


@pytest.mark.parametrize(("highest", "resumed"), [(None, False), (4, False), (8, True)])
def test_what_stands_below_the_rows_or_is_them_is_no_objection(highest: int | None, resumed: bool) -> None:
    store = Store(scored=standing(highest))

    inserter(store).check(batch(resumed=resumed), lambda: True)

    assert store.asked == 1


@pytest.mark.parametrize(("highest", "resumed"), [(5, False), (100, False), (9, True)])
@pytest.mark.parametrize("table", [SCORED, REJECTED], ids=["own", "rejected"])
def test_rows_that_stand_where_new_ones_would_go_stop_the_sink(highest: int, resumed: bool, table: Table) -> None:
    store = Store(**{table.name: standing(highest)})

    with pytest.raises(Problem, match=f"{table.name} .*would be doubled"):
        inserter(store).check(batch(resumed=resumed, tables=(SCORED, REJECTED)), lambda: True)


def test_only_the_first_batch_since_an_assignment_is_checked() -> None:
    store = Store(scored=standing(100))

    inserter(store).check(batch(first=False), lambda: True)

    assert store.asked == 0


@pytest.mark.parametrize(("present", "inserts_since", "repeated"), [(4, 3, True), (4, WINDOW, False), (0, 0, True)])
@pytest.mark.parametrize(("resumed", "age_s"), [(True, 0.0), (False, FRESH_S + 1)], ids=["resumed", "old"])
def test_an_insert_that_may_have_taken_place_is_repeated_while_its_token_is_remembered(
    present: int, inserts_since: int, repeated: bool, resumed: bool, age_s: float
) -> None:
    store = Store(scored=standing(8 if present else 4, present, inserts_since))

    inserter(store).insert(batch(resumed=resumed, age_s=age_s), lambda: True)

    assert bool(store.inserts) is repeated


def test_each_table_of_a_range_is_looked_at_by_itself() -> None:
    store = Store(scored=standing(8, 2, WINDOW), rejected=standing(3))

    inserter(store).insert(batch(resumed=True, tables=(SCORED, REJECTED)), lambda: True)

    assert store.inserts == [("rejected", "token")]


def test_a_fresh_insert_is_not_looked_for() -> None:
    store = Store()

    inserter(store).insert(batch(), lambda: True)

    assert (store.asked, store.inserts) == (0, [("scored", "token")])


def test_nothing_is_asked_or_inserted_for_a_partition_that_has_moved() -> None:
    store = Store(scored=standing(100))

    inserter(store).check(batch(), lambda: False)
    inserter(store).insert(batch(), lambda: False)

    assert (store.asked, store.inserts) == (0, [])


def test_a_refusal_names_topic_partition_and_range() -> None:
    class Refusing(Store):
        def insert(self, table: Table, rows: Sequence[Row], token: str) -> None:  # noqa: ARG002
            raise Refused("Code: 53 type mismatch")

    with pytest.raises(Problem, match=r"t\[0\] 5 to 9.*type mismatch"):
        inserter(Refusing()).insert(batch(), lambda: True)
