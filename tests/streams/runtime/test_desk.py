"""A partition is asked from its committed state alone: at once, after the commit, or not."""

import asyncio
from typing import Any

import pytest

from schemas.reject import Reason, Reject
from streams.answer import Answer
from streams.facts import Facts
from streams.learner import Prediction
from streams.runtime import desk as tried
from streams.runtime.desk import ASKED_LIMIT, WAITING, Away, Busy, Desk
from streams.runtime.task import GROUP_LIMIT


class Task:
    """A task whose stage says the event back, and is asked through itself."""

    partition = 3
    positions = {"events": 7}  # noqa: RUF012 (a stand-in)

    def __init__(self) -> None:
        self.binding: Any = self
        self.asked: Any = self
        self.state: Any = self
        self.told: Any = self
        self.task: Any = self
        self.watermark_ms, self.seq = 99, 5
        self.committed = True

    def answer(self, _: Any, event: str, at_ms: int) -> Answer:
        if event == "bad":
            raise Reject(Reason.INVALID, "bad")
        return Answer(Facts(event, (), at_ms), [], "prior", Prediction(0.5, None, None), 0)


def opened() -> tuple[Task, Desk]:
    task: Any = Task()
    return task, Desk(task)


async def asked(desk: Desk, event: str) -> "asyncio.Task[Any]":
    """A question that has been put."""
    question = asyncio.create_task(desk.ask(event, 1))
    await asyncio.sleep(0)
    return question


def test_a_committed_state_answers_at_once_and_says_where_it_stands() -> None:
    _, desk = opened()

    answer, stands = asyncio.run(desk.ask("a", 11))

    assert answer.facts == Facts("a", (), 11)
    assert stands == (3, {"events": 7}, 5, 99)


def test_a_state_ahead_of_its_commit_answers_when_that_has_come() -> None:
    async def play() -> list[Any]:
        task, desk = opened()
        task.committed = False
        questions = [await asked(desk, event) for event in ("a", "bad", "b")]
        await desk.answer()
        early = [question.done() for question in questions]
        assert desk.asked_lately
        task.committed = True
        await desk.answer()
        assert all(question.done() for question in questions)  # before the next fold
        return [early, await asyncio.gather(*questions, return_exceptions=True)]

    early, (first, bad, second) = asyncio.run(play())

    assert early == [False] * 3
    assert (first.answer.facts.id, second.answer.facts.id) == ("a", "b")
    assert isinstance(bad, Reject)


def test_no_more_than_so_many_wait() -> None:
    async def play() -> None:
        task, desk = opened()
        task.committed = False
        questions = [await asked(desk, "a") for _ in range(WAITING)]
        with pytest.raises(Busy, match="64 requests wait for partition 3"):
            await desk.ask("one more", 1)
        task.committed = True
        await desk.answer()
        assert len(await asyncio.gather(*questions)) == WAITING
        await desk.ask("one more", 1)

    asyncio.run(play())


def test_who_waits_is_sent_away_when_the_partition_moves() -> None:
    async def play() -> None:
        task, desk = opened()
        task.committed = False
        question = await asked(desk, "a")
        desk.close()
        with pytest.raises(Away):
            await question
        task.committed = True
        with pytest.raises(Away):
            await desk.ask("b", 1)

    asyncio.run(play())


def test_who_waits_too_long_is_sent_away_and_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "WITHIN_S", 0.001)

    async def play() -> None:
        task, desk = opened()
        task.committed = False
        for _ in range(WAITING + 1):
            with pytest.raises(Away, match="no commit within"):
                await desk.ask("a", 1)

    asyncio.run(play())


def test_smaller_groups_are_folded_while_somebody_asks() -> None:
    _, desk = opened()
    before = desk.limit

    asyncio.run(desk.ask("a", 1))

    assert (before, desk.limit) == (GROUP_LIMIT, ASKED_LIMIT)
