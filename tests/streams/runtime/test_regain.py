"""What was taken over is owned again while the group gives it to us, and not for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiokafka.errors import IllegalStateError

from streams.runtime.metrics import Metrics
from streams.runtime.ports import Fenced
from streams.runtime.regain import Regain

WAITS_S = (0.0, 0.0, 0.0)
WITHIN_S = 10.0
GONE = Fenced("a newer producer")


class Group:
    """Ownership and consumer in one: what is assigned, what is owned, how often it was owned again."""

    def __init__(self) -> None:
        self.given = {1}
        self.tasks: dict[int, object] = {}
        self.answers = [True]
        self.owned = 0
        self.failures: list[BaseException] = []
        self.settled = asyncio.Event()

    def fail(self, error: BaseException) -> None:
        self.failures.append(error)

    def task(self, partition: int) -> object | None:
        return self.tasks.get(partition)

    def assigned(self) -> set[int]:
        return self.given

    async def holds(self) -> bool:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def seek_to_committed(self) -> None:
        self.owned += 1
        self.settled.set()


def run(play: Callable[[Group, Regain], Awaitable[None]]) -> Group:
    """Play it on a group of its own."""

    async def played() -> Group:
        group: Any = Group()
        await asyncio.wait_for(play(group, Regain(group, group, Metrics("p", 1, "s"), WAITS_S)), WITHIN_S)
        found: Group = group
        return found

    return asyncio.run(played())


async def lose(group: Group, regain: Regain) -> None:
    group.settled.clear()
    regain(1, GONE)
    await group.settled.wait()


def test_it_is_owned_again_once_the_group_says_that_it_is_ours() -> None:
    async def play(group: Group, regain: Regain) -> None:
        group.answers = [False, False, True]
        await lose(group, regain)

    group = run(play)

    assert (group.owned, group.answers, group.failures) == (1, [True], [])


@pytest.mark.parametrize("change", [lambda g: g.given.clear(), lambda g: g.tasks.update({1: object()})])
def test_what_has_moved_or_is_ours_again_is_left_alone(change: Callable[[Group], None]) -> None:
    async def play(group: Group, regain: Regain) -> None:
        regain(1, GONE)
        change(group)
        await asyncio.gather(*regain._under_way.values())

    group = run(play)

    assert (group.owned, group.failures) == (0, [])


def test_who_loses_it_again_and_again_stops_with_that() -> None:
    async def play(group: Group, regain: Regain) -> None:
        for _ in WAITS_S:
            await lose(group, regain)
        assert group.failures == []
        regain(1, GONE)

    group = run(play)

    assert (group.owned, group.failures) == (len(WAITS_S), [GONE])


def test_what_moves_while_it_is_read_again_ends_nobody() -> None:
    async def play(group: Group, regain: Regain) -> None:
        async def moved() -> None:
            group.given = set()
            group.settled.set()
            raise IllegalStateError("No current assignment for partition")

        group.seek_to_committed = moved  # type: ignore[method-assign]
        await lose(group, regain)
        await group.settled.wait()
        await asyncio.gather(*regain._under_way.values())

    assert run(play).failures == []
