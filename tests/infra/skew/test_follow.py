"""What a follower of several partitions tells where one of them fails."""

import threading
from typing import Any

import pytest

from infra.skew.follow import Round, _rounds
from schemas.problem import Outage

FOUND = Round(stage="score", partition=0, events=5, values=45, unequal=3, behind=0)


class Followed:
    """A partition of which something is found, or that fails."""

    def __init__(self, found: Round | None) -> None:
        self.place = "score", 0
        self.found = found

    def step(self, *_: Any) -> Round:
        if self.found is None:
            raise Outage("Kafka is away")
        return self.found


def test_what_one_partition_found_is_told_before_the_next_one_fails() -> None:
    followed: Any = [Followed(FOUND), Followed(None)]
    store: Any = None
    rounds = _rounds(followed, store, threading.Event())

    assert next(rounds) == FOUND
    with pytest.raises(Outage):
        next(rounds)
