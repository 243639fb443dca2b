"""The order in which a task folds its inputs: a merge by time, role and offset, never by what came first."""

from collections import deque
from collections.abc import Sequence
from heapq import heapify, heapreplace

import msgspec

from streams.runtime.raw import Raw, Run

Place = tuple[int, int, int]


class Input:
    """What is buffered of one input, in offset order, and how far it has been read.

    `fetched` is the position behind the last delivered record, `folded` the position behind the last one taken.
    """

    __slots__ = ("fetched", "folded", "high_ms", "rank", "records", "stable", "topic")

    def __init__(self, topic: str, rank: int, position: int) -> None:
        self.topic = topic
        self.rank = rank
        self.fetched = position
        self.folded = position
        self.stable: int | None = None
        self.high_ms = 0
        self.records: deque[Raw] = deque()

    @property
    def at_end(self) -> bool:
        """Whether all that the last fetch reported has been delivered."""
        return self.stable is not None and self.fetched >= self.stable

    def head(self) -> Place:
        """Where the first buffered record stands in the order."""
        first, high_ms = self.records[0], self.high_ms
        time_ms = first.timestamp
        return (time_ms if time_ms > high_ms else high_ms, self.rank, first.offset)


class MergeState(msgspec.Struct):
    """Per topic the running maximum of the timestamp, the merge point, and how many records came behind it."""

    highs: dict[str, int]
    point: tuple[int, int]
    disordered: int


class Merge:
    """A k-way merge of input heads by (running maximum of the Kafka timestamp per input, role, offset).

    A record is taken when every other input has a buffered head or has been read to the end that its last fetch
    reported. One that still comes behind the merge point is taken on arrival and counted in `disordered`.
    """

    def __init__(self, topics: Sequence[str], positions: Sequence[int]) -> None:
        pairs = zip(topics, positions, strict=True)
        self.inputs = {topic: Input(topic, rank, position) for rank, (topic, position) in enumerate(pairs)}
        self.disordered = 0
        self._point: tuple[int, int] = (0, 0)

    def deliver(self, run: Run) -> bool:
        """Buffer what a fetch gave. False where it does not follow on what was delivered before: seek to `fetched`."""
        buffered = self.inputs[run.topic]
        if run.start != buffered.fetched:
            return False
        buffered.records.extend(run.records)
        buffered.fetched = run.end
        buffered.stable = run.stable
        if not buffered.records:
            buffered.folded = run.end
        return True

    def rewind(self) -> None:
        """Forget what is buffered and not taken: it is fetched again."""
        for each in self.inputs.values():
            each.records.clear()
            each.fetched = each.folded
            each.stable = None

    def saved(self) -> "MergeState":
        """What a merge carries beside its positions."""
        highs = {topic: each.high_ms for topic, each in self.inputs.items()}
        return MergeState(highs, self._point, self.disordered)

    def restore(self, saved: "MergeState") -> None:
        """Go on from what was saved."""
        for topic, high_ms in saved.highs.items():
            self.inputs[topic].high_ms = high_ms
        self._point, self.disordered = saved.point, saved.disordered

    @property
    def blocked(self) -> bool:
        """Whether something is buffered that cannot be taken yet, for want of a word from another input."""
        inputs = self.inputs.values()
        return any(i.records for i in inputs) and any(not i.records and not i.at_end for i in inputs)

    @property
    def ready(self) -> bool:
        """Whether `take` would give something."""
        return any(i.records for i in self.inputs.values()) and not self.blocked

    def take(self, limit: int) -> list[tuple[int, Raw]]:
        """Up to `limit` records in merge order, each with the rank of its input."""
        taken: list[tuple[int, Raw]] = []
        while len(taken) < limit and self.ready:
            filled = [each for each in self.inputs.values() if each.records]
            if len(filled) > 1:
                self._interleave(filled, limit, taken)
            else:
                self._take_all(filled[0], limit, taken)
        return taken

    def _interleave(self, filled: list[Input], limit: int, taken: list[tuple[int, Raw]]) -> None:
        """Take from several inputs until one of them is empty."""
        by_rank = {each.rank: each for each in filled}
        heads = [each.head() for each in filled]
        heapify(heads)
        while len(taken) < limit:
            at_ms, rank, offset = heads[0]
            first = by_rank[rank]
            self._pass(first, at_ms, rank, offset)
            taken.append((rank, first.records.popleft()))
            if not first.records:
                first.folded = first.fetched
                return
            heapreplace(heads, first.head())

    def _take_all(self, first: Input, limit: int, taken: list[tuple[int, Raw]]) -> None:
        """Take from the only input that holds something."""
        records = first.records
        while records and len(taken) < limit:
            self._pass(first, *first.head())
            taken.append((first.rank, records.popleft()))
        if not records:
            first.folded = first.fetched

    def _pass(self, first: Input, at_ms: int, rank: int, offset: int) -> None:
        """The record at the head of `first`, which stands there, is taken."""
        point = at_ms, rank
        if point < self._point:
            self.disordered += 1
        else:
            self._point = point
        first.high_ms = at_ms
        first.folded = offset + 1
