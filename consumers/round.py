"""The intent protocol: see that all can be right, say what will be inserted, insert exactly that, say that it was."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from enum import StrEnum
from functools import partial

from consumers.buffer import Batch
from consumers.group import Commit, Group
from consumers.insert import Held, Inserter
from consumers.kafka import Place
from schemas.problem import Problem


class Step(StrEnum):
    """The steps, in their order. After a crash in or between any two, the next owner repeats from the intent.

    The check comes before the intent: what it refuses must not be found as an intent by the next run.
    """

    CHECK = "check"
    INTEND = "intend"
    INSERT = "insert"
    COMMIT = "commit"
    DONE = "done"


class Round:
    """Batches of different partitions on their way through the protocol together: one commit for all, each time."""

    def __init__(self, batches: Sequence[Batch], group: Group, inserter: Inserter, *, since_s: float) -> None:
        self.batches = list(batches)
        self.since_s = since_s
        self.step = Step.CHECK
        self._group = group
        self._inserter = inserter
        self._working: Future[None] | None = None

    def advance(self, executor: Executor) -> None:
        """Take what steps can be taken without waiting for ClickHouse. What its thread raised is raised here."""
        if self.step is Step.CHECK and self._worked(executor, self._inserter.check):
            self.step = Step.INTEND
        if self.step is Step.INTEND and self.intend():
            self.step = Step.INSERT
        if self.step is Step.INSERT and self._worked(executor, self._inserter.insert):
            self.step = Step.COMMIT
        if self.step is Step.COMMIT and self.commit():
            self.step = Step.DONE

    def intend(self) -> bool:
        """Commit the intents; the offsets stay where they are."""
        return self._commit([Commit(_place(batch), batch.intent.start, batch.intent) for batch in self.batches])

    def commit(self) -> bool:
        """Commit the positions behind the batches."""
        return self._commit([Commit(_place(batch), batch.intent.end, None) for batch in self.batches])

    def forget(self, places: Sequence[Place]) -> None:
        """These partitions are another member's: it finds their intents, and its inserts carry the same tokens."""
        self.batches = [batch for batch in self.batches if _place(batch) not in places]

    @property
    def size_bytes(self) -> int:
        return sum(batch.size_bytes for batch in self.batches)

    def position(self, place: Place) -> int | None:
        """Up to where a partition of this round is known to be written; None for any other."""
        return next((batch.intent.start for batch in self.batches if _place(batch) == place), None)

    def _worked(self, executor: Executor, work: Callable[[Batch, Held], None]) -> bool:
        """Whether `work` is done with every batch, in a thread of its own."""
        if self._working is None:
            self._working = executor.submit(self._each, work)
        if not self._working.done():
            return False
        error = self._working.exception()
        if isinstance(error, Problem) and not self._held():
            return False  # a sleeper finds what its successors wrote; soon it will be told that it lost the partitions
        if error is not None and (self.batches or not isinstance(error, Problem)):
            raise error
        self._working = None
        return True

    def _each(self, work: Callable[[Batch, Held], None]) -> None:
        for batch in self.batches:
            work(batch, partial(self._holds, batch))

    def _holds(self, batch: Batch) -> bool:
        return any(one is batch for one in self.batches)

    def _held(self) -> bool:
        """Whether the group still takes our word: by saying again what stands there already."""
        if self.step is Step.INSERT:
            return self.intend()
        said = [(batch, batch.intent if batch.resumed else None) for batch in self.batches]
        return self._commit([Commit(_place(batch), batch.intent.start, intent) for batch, intent in said])

    def _commit(self, commits: list[Commit]) -> bool:
        return not commits or self._group.commit(commits)


def _place(batch: Batch) -> Place:
    return (batch.topic, batch.partition)
