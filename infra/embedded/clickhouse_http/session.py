"""One chDB connection as ClickHouse sees a session: its settings and database, and those of one request on top."""

import re
from collections.abc import Iterator, Mapping

from chdb.state.sqlitelike import Connection

from .errors import Refusal
from .result import Result
from .statement import Statement

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
BASE = {"implicit_select": "0"}  # what chDB, being clickhouse-local, has other than a server


def quote(text: str) -> str:
    """A ClickHouse string literal.

    >>> print(quote("it's"))
    'it\\'s'
    """
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """A ClickHouse identifier in back quotes."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


class Session:
    """Statements on one connection, one at a time, from any thread. Every refusal of chDB becomes a `Refusal`.

    What a request sets stays until the next one begins, which takes it back or sets its own: no request runs before
    `apply`. A deduplication token that stayed any longer would swallow the next insert.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._own = dict(BASE)  # set by the session's SET statements, for as long as it lives
        self._set: dict[str, str | None] = {}  # what is set now; None where that is not certain
        self._own_database = self._database = "default"

    def run(self, sql: str | bytes, answer_format: str = "TabSeparated", bindings: Mapping[str, str] = {}) -> Result:
        """Run one statement to its end."""
        try:
            return Result.of(self._connection.query(sql, answer_format, params=dict(bindings)))  # type: ignore[arg-type]  # bytes are taken too
        except RuntimeError as error:
            raise Refusal.of(error) from error

    def stream(self, sql: bytes, answer_format: str, bindings: Mapping[str, str]) -> Iterator[Result]:
        """Run one SELECT and give its answer block by block; closing the iterator cancels it."""
        try:
            with self._connection.send_query(sql, answer_format, params=dict(bindings)) as blocks:  # type: ignore[arg-type]  # as above
                for block in blocks:
                    yield Result.of(block)
        except RuntimeError as error:
            raise Refusal.of(error) from error

    def apply(self, database: str, settings: Mapping[str, str]) -> None:
        """Put a request's database and settings on top of the session's own, in place of the last request's."""
        wanted = {**self._own, **settings}
        changed = {name: value for name, value in wanted.items() if self._set.get(name) != value}
        clauses = [f"{_checked(name)} = {quote(value)}" for name, value in changed.items()]
        gone = self._set.keys() - wanted.keys()
        clauses += [f"{name} = DEFAULT" for name in sorted(gone)]
        if clauses:
            self._set |= dict.fromkeys(changed)
            self.run("SET " + ", ".join(clauses))
            self._set = dict(wanted)
        chosen = database or self._own_database
        if chosen != self._database:
            self.run(f"USE {quote_name(chosen)}")
            self._database = chosen

    def remember(self, statement: Statement) -> None:
        """Note what a SET or a USE of the client's has just changed for good."""
        if statement.word == "USE":
            self._own_database = self._database = self.run("SELECT currentDatabase()", "TSVRaw").text
        elif statement.word == "SET":
            for name in statement.assigned:
                if not name.startswith("param_"):
                    value = self.run(f"SELECT getSetting({quote(name)})", "TSVRaw").text
                    self._own[name] = self._set[name] = value

    def close(self) -> None:
        """End the session: its temporary tables go."""
        self._connection.close()


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise Refusal(115, "UNKNOWN_SETTING", f"Unknown setting {quote(name)}.")
    return name
