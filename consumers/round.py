"""The intent protocol: say what will be inserted, insert exactly that, say that it was."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum

from consumers.buffer import Batch
from consumers.clickhouse import ClickHouse, Refused
from consumers.group import Commit, Group, Place
from consumers.rows import Table
from schemas.problem import Problem


class Step(StrEnum):
    """The steps, in their order. After a crash in or between any two, the next owner repeats from the intent."""

    INTEND = "intend"
    INSERT = "insert"
    COMMIT = "commit"
    DONE = "done"


class Round:
    """Batches of different partitions on their way through the protocol together: one commit for all, each time."""

    def __init__(self, batches: Sequence[Batch], group: Group, insert: Callable[[Batch], None]) -> None:
        self.batches = list(batches)
        self.step = Step.INTEND
        self._group = group
        self._insert = insert
        self._inserting: Future[None] | None = None

    def advance(self, executor: ThreadPoolExecutor) -> None:
        """Take what steps can be taken without waiting for ClickHouse. What the insert raised is raised here."""
        if self.step is Step.INTEND and self.intend():
            self.step = Step.INSERT
            self._inserting = executor.submit(self.insert, tuple(self.batches))
        if self.step is Step.INSERT and self._inserting is not None and self._inserting.done():
            self._inserting.result()
            self.step = Step.COMMIT
        if self.step is Step.COMMIT and self.commit():
            self.step = Step.DONE

    def intend(self) -> bool:
        """Commit the intents; the offsets stay where they are."""
        return self._commit([Commit(_place(batch), batch.intent.start, batch.intent) for batch in self.batches])

    def insert(self, batches: Sequence[Batch]) -> None:
        """Insert each batch under its token."""
        for batch in batches:
            self._insert(batch)

    def commit(self) -> bool:
        """Commit the positions behind the batches."""
        return self._commit([Commit(_place(batch), batch.intent.end, None) for batch in self.batches])

    def forget(self, places: Sequence[Place]) -> None:
        """These partitions are another member's: it finds their intents, and its inserts carry the same tokens."""
        self.batches = [batch for batch in self.batches if _place(batch) not in places]

    def _commit(self, commits: list[Commit]) -> bool:
        return not commits or self._group.commit(commits)


class Inserter:
    """Inserts batches; before a partition's first, sees that the table and the committed offset can both be right."""

    def __init__(self, clickhouse: ClickHouse, tables: dict[str, Table]) -> None:
        self._clickhouse = clickhouse
        self._tables = tables
        self._checked: set[Place] = set()

    def __call__(self, batch: Batch) -> None:
        """Raises `Problem` where ClickHouse refuses the rows, or has rows that would be doubled; and `Stopped`."""
        try:
            if self._needed(batch):
                for table, rows in batch.rows.values():
                    self._clickhouse.insert(table, rows, batch.intent.token)
        except Refused as refused:
            raise Problem(
                f"ClickHouse refuses the records of {batch.where} ({refused}): they stay in Kafka; mend the table, "
                "or the rights of its user, and start again"
            ) from refused

    def forget(self, places: Sequence[Place]) -> None:
        """Check these again when they come back."""
        self._checked = self._checked - set(places)

    def _needed(self, batch: Batch) -> bool:
        if _place(batch) in self._checked:
            return True
        start, end = batch.intent.start, batch.intent.end
        table = self._tables[batch.topic]
        standing = self._clickhouse.standing(table, batch.topic, batch.partition, (start, end))
        limit = end if batch.resumed else start
        if standing.highest is not None and standing.highest >= limit:
            raise Problem(
                f"table {table.name} has rows of {batch.topic}[{batch.partition}] up to offset {standing.highest}, but "
                f"the sink's group stands at {start}: rows would be doubled. If its offsets were lost, set this one "
                f"to {standing.highest + 1}; if the topic was made anew, drop its rows "
                f"(ALTER TABLE {table.name} DROP PARTITION '{batch.topic}')"
            )
        self._checked = self._checked | {_place(batch)}
        return not standing.token_forgotten


def _place(batch: Batch) -> Place:
    return (batch.topic, batch.partition)
