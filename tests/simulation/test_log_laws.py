"""The log in memory is a naive one, whatever is done to both."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.runtime.ports import Fenced, Mark
from tests.simulation.log import Log
from tests.simulation.naive_log import IDS, TOPICS, Naive, Slot
from tests.streams.runtime.logs import Stored

GROUP = "group"


class Both:
    """What is done to the one is done to the other."""

    def __init__(self) -> None:
        self.log, self.naive = Log(), Naive()
        self.epochs = dict.fromkeys(IDS, -1)
        self.said: dict[str, int] = {}
        for topic in TOPICS:
            self.log.create(topic, "output")

    def join(self, id: str) -> None:
        if self.naive.open[id] is not None:
            self.naive.end(id, "aborted")
        self.said.pop(id, None)
        self.epochs[id] += 1

        assert self.log.join(id) == self.epochs[id]

    def write(self, id: str, topic: str, key: bytes, value: bytes | None) -> None:
        by = self._opened(id)
        self.log.write(id, self.epochs[id], Stored(topic, -1, 1, key, value))
        self.naive.slots[topic].append(Slot(by, key, value))

    def say(self, id: str, offset: int) -> None:
        self._opened(id)
        self.log.add_offsets(id, self.epochs[id], GROUP, 0, {"in": Mark(offset, "")})
        self.said[id] = offset

    def commit(self, id: str) -> None:
        self._opened(id)
        self.log.commit(id, self.epochs[id])
        self.naive.end(id, "committed")
        if id in self.said:
            self.naive.offsets.append(self.said.pop(id))

    def abort(self, id: str) -> None:
        self._opened(id)
        self.log.abort(id, self.epochs[id])
        self.naive.end(id, "aborted")
        self.said.pop(id, None)

    def time_out(self, id: str) -> None:
        self._opened(id)
        self.log.time_out(id)
        self.naive.end(id, "aborted")
        self.said.pop(id, None)
        self.epochs[id] += 1

    def overtaken(self, id: str, topic: str) -> None:
        """A producer of before can do nothing."""
        self._opened(id)
        old = self.epochs[id] - 1
        for call in (self.log.commit, self.log.abort, self.log.begin):
            with pytest.raises(Fenced):
                call(id, old)
        with pytest.raises(Fenced):
            self.log.write(id, old, Stored(topic, -1, 1, b"k", b"v"))

    def append(self, topic: str, key: bytes, value: bytes | None) -> None:
        self.log.append(topic, [Stored(topic, -1, 1, key, value)])
        self.naive.slots[topic].append(Slot(None, key, value))

    def compact(self, topic: str) -> None:
        self.log.partition(topic).compact()
        self.naive.compact(topic)

    def expire(self, topic: str, many: int) -> None:
        low = min(self.naive.low[topic] + many, self.naive.stable(topic))
        self.log.partition(topic).expire(low)
        self.naive.low[topic] = low

    def _opened(self, id: str) -> int:
        """The transaction of `id`, begun where none is open."""
        if self.epochs[id] < 0:
            self.join(id)
        if self.naive.open[id] is None:
            self.log.begin(id, self.epochs[id])
            self.naive.begin(id)
        by = self.naive.open[id]
        assert by is not None
        return by

    def agree(self) -> None:
        for topic in TOPICS:
            found, naive = self.log.partition(topic), self.naive
            read = [(r.offset, r.key, r.value) for r in found.read(found.low, found.high)]

            assert found.low == naive.low[topic]
            assert found.stable == naive.stable(topic)
            assert found.high == len(naive.slots[topic])
            assert read == naive.read(topic)
        mark = self.log.offsets.get((GROUP, "in", 0))
        assert (mark and mark.offset) == self.naive.committed()


ids, topics = st.sampled_from(IDS), st.sampled_from(TOPICS)
keys, values = st.sampled_from([b"x", b"y"]), st.sampled_from([b"1", b"2", None])
few = st.integers(1, 4)
STEPS: list[st.SearchStrategy[tuple[Any, ...]]] = [
    st.tuples(st.just(Both.write), ids, topics, keys, values),
    st.tuples(st.just(Both.append), topics, keys, values),
    st.tuples(st.sampled_from([Both.commit, Both.abort, Both.join, Both.time_out]), ids),
    st.tuples(st.just(Both.say), ids, few),
    st.tuples(st.just(Both.overtaken), ids, topics),
    st.tuples(st.just(Both.compact), topics),
    st.tuples(st.just(Both.expire), topics, few),
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(STEPS), max_size=40))
def test_the_log_in_memory_is_a_naive_one(steps: list[tuple[Any, ...]]) -> None:
    both = Both()
    for step, *told in steps:
        step(both, *told)
        both.agree()
