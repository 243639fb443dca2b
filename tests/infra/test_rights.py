"""Tables that are there need no right to create any, and a right that is missing is told in a sentence."""

from types import SimpleNamespace
from typing import Any

import clickhouse_connect
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from infra import migrate as tried
from infra.settings import Settings
from schemas.problem import Outage, Problem

SETTINGS = Settings(clickhouse_url="http://127.0.0.1:1", clickhouse_username="reader")


class Client:
    """Of a server that has these tables, and refuses to create any."""

    def __init__(self, error: DatabaseError, *, applied: bool) -> None:
        self._error, self._applied = error, applied

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is held."""

    def query(self, query: str, **_: object) -> Any:
        if "any(digest)" in query:
            rows: list[tuple[object, ...]] = [(each.number, each.name, each.digest) for each in tried.migrations()]
        else:
            rows = [("there",)] if self._applied or "databases" in query else []
        return SimpleNamespace(result_rows=rows)

    def command(self, _: str) -> None:
        raise self._error


def migrated(monkeypatch: pytest.MonkeyPatch, error: DatabaseError, *, applied: bool) -> list[str]:
    monkeypatch.setattr(tried, "reach", lambda *_: None)
    monkeypatch.setattr(clickhouse_connect, "get_client", lambda **_: Client(error, applied=applied))
    return tried.migrate(SETTINGS)


REFUSED = DatabaseError("reader: Not enough privileges", code=497)


def test_what_is_applied_asks_for_no_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    assert migrated(monkeypatch, REFUSED, applied=True) == []


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (REFUSED, Problem, "refuses user reader .*: check its rights"),
        (OperationalError("refused"), Outage, "went away"),
    ],
)
def test_what_is_refused_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, error: DatabaseError, kind: type[Problem], told: str
) -> None:
    with pytest.raises(kind, match=told):
        migrated(monkeypatch, error, applied=False)
