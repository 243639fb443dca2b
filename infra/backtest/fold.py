"""Folds a log under several pipelines at once: each record is read, ordered and decoded once, as a worker does it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter

from infra.backtest.entrant import Entrant
from infra.backtest.log import Log, Part
from streams.runtime.codec import decode
from streams.runtime.merge import Merge
from streams.runtime.raw import Raw
from streams.runtime.task import GROUP_LIMIT

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


@dataclass(slots=True)
class Folded:
    """How many records were folded of each input, by its rank, and the latest Kafka time among them, ms."""

    records: Counter[int] = field(default_factory=Counter)
    end_ms: int = 0

    def add(self, taken: Taken) -> None:
        """These too."""
        self.records.update(map(_rank, taken))
        self.end_ms = max(self.end_ms, *(raw.timestamp for _, raw in taken)) if taken else self.end_ms


def fold(log: Log, entrants: Sequence[Entrant], within: Within, advance: Advance = lambda _: None) -> Folded:
    """Fold all partitions of `log`; `advance` is told how many records were read.

    Raises `Problem` where the log cannot be read, or a worker would stop.
    """
    folded = Folded()
    for part in log.parts:
        for entrant in entrants:
            entrant.begin(part.number)
        _fold_part(log, part, entrants, within, advance, folded)
        for entrant in entrants:
            entrant.end()
    return folded


def _fold_part(
    log: Log, part: Part, entrants: Sequence[Entrant], within: Within, advance: Advance, folded: Folded
) -> None:
    merge = Merge(log.topics, [part.positions[topic] for topic in log.topics])
    while part.feed.feed(merge):
        while taken := merge.take(GROUP_LIMIT):
            advance(len(taken))
            inside = within.cut(taken)
            records = [decode(log.sources[rank], raw, log.partitions) for rank, raw in inside]
            for entrant in entrants:
                entrant.fold(records)
            folded.add(inside)
