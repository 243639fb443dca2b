"""Before the first insert of a partition: can the table and the committed offset both be right?"""

from collections.abc import Sequence

import pytest

from consumers.buffer import Batch
from consumers.clickhouse import WINDOW, ClickHouse, Refused, Standing
from consumers.intent import Intent
from consumers.round import Inserter
from consumers.rows import SCORED, Row, Table
from schemas.problem import Problem


class Store(ClickHouse):
    """A ClickHouse that has this standing, and remembers the tokens it was given."""

    def __init__(self, standing: Standing) -> None:
        self.found = standing
        self.tokens: list[str] = []
        self.asked = 0

    def standing(self, table: Table, topic: str, partition: int, positions: tuple[int, int]) -> Standing:  # noqa: ARG002
        self.asked += 1
        return self.found

    def insert(self, table: Table, rows: Sequence[Row], token: str) -> None:  # noqa: ARG002
        self.tokens.append(token)


def standing(highest: int | None = None, present: int = 0, inserts_since: int = 0) -> Standing:
    return Standing(highest=highest, present=present, inserts_since=inserts_since)


def batch(start: int, end: int, *, resumed: bool) -> Batch:
    rows = {"scored": (SCORED, [("t", 0, offset) for offset in range(start, end)])}
    return Batch(topic="t", partition=0, intent=Intent(start=start, end=end, token="token"), rows=rows, resumed=resumed)


@pytest.mark.parametrize("highest", [None, 4])
def test_new_rows_above_what_stands_are_inserted(highest: int | None) -> None:
    store = Store(standing(highest))

    Inserter(store, {"t": SCORED})(batch(5, 9, resumed=False))

    assert store.tokens == ["token"]


@pytest.mark.parametrize(("highest", "resumed"), [(5, False), (100, False), (9, True)])
def test_rows_that_stand_where_new_ones_would_go_stop_the_sink(highest: int, resumed: bool) -> None:
    store = Store(standing(highest))

    with pytest.raises(Problem, match="would be doubled"):
        Inserter(store, {"t": SCORED})(batch(5, 9, resumed=resumed))

    assert store.tokens == []


@pytest.mark.parametrize(("present", "inserts_since", "repeated"), [(4, 3, True), (4, WINDOW, False), (0, 0, True)])
def test_a_found_intent_is_repeated_while_its_token_is_remembered(
    present: int, inserts_since: int, repeated: bool
) -> None:
    store = Store(standing(8 if present else 4, present, inserts_since))

    Inserter(store, {"t": SCORED})(batch(5, 9, resumed=True))

    assert bool(store.tokens) is repeated


def test_a_partition_is_looked_at_once_and_again_after_it_came_back() -> None:
    store = Store(standing())
    inserter = Inserter(store, {"t": SCORED})

    inserter(batch(0, 5, resumed=False))
    inserter(batch(5, 9, resumed=False))
    inserter.forget([("t", 0)])
    inserter(batch(9, 12, resumed=False))

    assert (store.asked, len(store.tokens)) == (2, 3)


def test_a_refusal_names_topic_partition_and_range() -> None:
    class Refusing(Store):
        def insert(self, table: Table, rows: Sequence[Row], token: str) -> None:  # noqa: ARG002
            raise Refused("Code: 53 type mismatch")

    with pytest.raises(Problem, match=r"t\[0\] 5 to 9.*type mismatch"):
        Inserter(Refusing(standing()), {"t": SCORED})(batch(5, 9, resumed=False))
