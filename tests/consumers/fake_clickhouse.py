"""A ClickHouse in memory: tables, a roll-up, tokens in a window of inserts, and servers that are away or late."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from clickhouse_connect.driver.exceptions import DatabaseError, OperationalError

from tests.consumers.process import Clock, Process

Key = tuple[str, int, int]
INSERT_S = 0.01
DEPENDENT = "deduplicate_blocks_in_dependent_materialized_views"


class Table:
    """Keys of rows with the time of their insert; and how many rows the roll-up has seen."""

    def __init__(self, window: int) -> None:
        self.rows: list[tuple[Key, float]] = []
        self.rolled_up = 0
        self._tokens: deque[str] = deque(maxlen=window)
        self._rolled_up_tokens: deque[str] = deque(maxlen=window)

    def insert(self, keys: Sequence[Key], settings: Mapping[str, Any], now_s: float) -> None:
        """The rows, if the token is not known."""
        token = settings.get("insert_deduplication_token", "")
        if not token or token not in self._tokens:
            self._tokens.append(token)
            self.rows.extend((key, now_s) for key in keys)

    def roll_up(self, keys: Sequence[Key], settings: Mapping[str, Any]) -> None:
        """The view behind the table, whose target knows tokens too."""
        token = settings.get("insert_deduplication_token", "") if settings.get(DEPENDENT) else ""
        if not token or token not in self._rolled_up_tokens:
            self._rolled_up_tokens.append(token)
            self.rolled_up += len(keys)


Fault = Callable[[Callable[[], None]], None]
"""What becomes of an insert: the fault is given what would apply it."""


class Server:
    """Tables by name. `faults` are used up by the inserts, one each; then all goes well."""

    def __init__(self, clock: Clock, *, window: int) -> None:
        self.clock = clock
        self.tables: dict[str, Table] = {}
        self.faults: deque[Fault] = deque()
        self._late: list[tuple[float, Callable[[], None]]] = []
        self._window = window

    def table(self, name: str) -> Table:
        return self.tables.setdefault(name, Table(self._window))

    def request(self, work: Callable[[], None]) -> None:
        """An insert comes in."""
        self.clock.advance(INSERT_S)
        self.settle()
        if self.faults:
            self.faults.popleft()(work)
        else:
            work()

    def settle(self) -> None:
        """Apply what was on its way and is due."""
        due = [work for at_s, work in self._late if at_s <= self.clock.now_s]
        self._late = [one for one in self._late if one[0] > self.clock.now_s]
        for work in due:
            work()

    def refuse(self, _: Callable[[], None]) -> None:
        """Nobody listens."""
        raise OperationalError("Error connecting: connection refused")

    def busy(self, _: Callable[[], None]) -> None:
        """A proxy answers in its place."""
        raise DatabaseError("HTTP driver received HTTP status 503")

    def mute(self, work: Callable[[], None]) -> None:
        """The insert is applied, the answer never comes."""
        work()
        self.clock.advance(60.0)
        raise OperationalError("Read timed out")

    def late(self, work: Callable[[], None], by_s: float = 90.0) -> None:
        """The answer does not come in time; the insert is applied later."""
        self._late.append((self.clock.now_s + by_s, work))
        self.clock.advance(60.0)
        raise OperationalError("Read timed out")

    def slow(self, work: Callable[[], None]) -> None:
        """The answer comes at last."""
        self.clock.advance(50.0)
        work()


class Client:
    """The part of clickhouse-connect's client that the sink uses."""

    def __init__(self, server: Server, process: Process) -> None:
        self._server, self._process = server, process

    def insert(self, name: str, columns: Sequence[Sequence[Any]], *, settings: Mapping[str, Any], **_: object) -> None:
        keys = list(zip(*columns[:3], strict=True))
        table, now_s = self._server.table(name), self._server.clock.now_s

        def whole() -> None:
            table.insert(keys, settings, now_s)
            table.roll_up(keys, settings)

        self._process.step(
            "insert",
            lambda: self._server.request(whole),
            torn=lambda: self._server.request(lambda: table.insert(keys, settings, now_s)),
        )

    def query(self, text: str, *, parameters: Mapping[str, Any]) -> SimpleNamespace:
        (name,) = (word for before, word in zip(text.split(), text.split()[1:], strict=False) if before == "FROM")
        row = self._process.step("look", lambda: self._answer(self._server.table(name), parameters))
        return SimpleNamespace(result_rows=[row])

    def _answer(self, table: Table, asked: Mapping[str, Any]) -> tuple[Any, ...]:
        self._server.settle()
        if "at" in asked:
            return (len({(topic, partition, s) for (topic, partition, _), s in table.rows if s > asked["at"]}),)
        place = (asked["topic"], asked["partition"])
        offsets = [(offset, s) for (topic, partition, offset), s in table.rows if (topic, partition) == place]
        present = [s for offset, s in offsets if asked["start"] <= offset < asked["end"]]
        return max((offset for offset, _ in offsets), default=None), len(present), max(present, default=0.0)
