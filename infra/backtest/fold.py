"""Folds a log under several pipelines at once: each record is read, ordered and decoded once, as a worker does it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from infra.backtest.entrant import Entrant
from infra.backtest.log import Feed, Log, Pulled
from schemas.problem import Problem
from streams.runtime.codec import decode
from streams.runtime.merge import Merge
from streams.runtime.raw import Raw
from streams.runtime.task import AT_ONCE

Advance = Callable[[int], None]
Taken = list[tuple[int, Raw]]
_rank = itemgetter(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """Kafka times, ms: records from `start_ms` on and before `end_ms`; None: no bound."""

    start_ms: int | None = None
    end_ms: int | None = None

    def cut(self, taken: Taken) -> Taken:
        """Those within."""
        start, end = self.start_ms, self.end_ms
        if start is None and end is None:
            return taken
        return [
            (rank, raw)
            for rank, raw in taken
            if (start is None or raw.timestamp >= start) and (end is None or raw.timestamp < end)
        ]


def ignore(_: int) -> None:
    """Nobody wants to know how many."""


@dataclass(slots=True)
class Folded:
    """How many records were folded of each input, by its rank, and the latest Kafka time among them, ms."""

    records: Counter[int] = field(default_factory=Counter)
    end_ms: int = 0

    def add(self, taken: Taken) -> None:
        """These too."""
        self.records.update(map(_rank, taken))
        self.end_ms = max(self.end_ms, *(raw.timestamp for _, raw in taken)) if taken else self.end_ms


def fold(log: Log, entrants: Sequence[Entrant], within: Within, advance: Advance = ignore) -> Folded:
    """Fold all parts of `log`; `advance` is told how many records were read.

    Raises `Problem` where the log cannot be read, or a worker would stop.
    """
    folding = Folding(log, entrants, within)
    folding.fold(advance, goes_on=False)
    return folding.end()


@dataclass(slots=True)
class Folding:
    """A log that is folded, and its parts that are under way, each with where it stands."""

    log: Log
    entrants: Sequence[Entrant]
    within: Within
    folded: Folded = field(default_factory=Folded)
    _merges: dict[int, Merge] = field(default_factory=dict)

    def fold(self, advance: Advance, *, goes_on: bool) -> None:
        """Fold all that stands; what was carried through a part is let go of, unless the log `goes_on`."""
        for at, part in enumerate(self.log.parts):
            for entrant in self.entrants:
                entrant.begin(at, self.log.partitions, part.numbers)
            self._merges[at] = part.merge()
            self._fold(at, part.feed, advance)
            if not goes_on:
                self._end(at)

    def go_on(self) -> None:
        """Fold what has come since; after an outage it may be called again.

        Raises `Outage` where Kafka is away, and `Problem` where the log is one that does not go on.
        """
        if self.log.more is None:
            raise Problem(f"{self.log.place} does not go on: leave --then-live out")
        for at, merge in self._merges.items():
            feed = self.log.more(at, {name: each.fetched for name, each in merge.inputs.items()})
            self._fold(at, feed or Pulled({}), ignore)

    def end(self) -> Folded:
        """Let go of everything; what was folded."""
        for at in list(self._merges):
            self._end(at)
        return self.folded

    def _end(self, at: int) -> None:
        del self._merges[at]
        for entrant in self.entrants:
            entrant.end(at)

    def _fold(self, at: int, feed: Feed, advance: Advance) -> None:
        log, merge = self.log, self._merges[at]
        more = True
        while more:
            while taken := merge.take(AT_ONCE):  # at first what an outage has left
                advance(len(taken))
                inside = self.within.cut(taken)
                records = [decode(log.sources[rank], raw, log.partitions) for rank, raw in inside]
                for entrant in self.entrants:
                    entrant.fold(at, records)
                self.folded.add(inside)
            more = feed.feed(merge)
