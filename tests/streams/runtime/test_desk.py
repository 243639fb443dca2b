"""A partition is asked from its committed state alone: at once, as it was kept or after the commit, or not."""

import asyncio
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.reject import Reason, Reject
from streams.answer import Answer
from streams.facts import Facts
from streams.learner import Prediction
from streams.runtime import desk as tried
from streams.runtime.desk import ASKED_LIMIT, LATELY_S, SLICE, WAITING, Away, Busy, Desk
from streams.runtime.task import AT_ONCE, GROUP_LIMIT


class Task:
    """A task whose stage says the event back, and is asked through itself; it is its own keeper."""

    partition = 3

    def __init__(self) -> None:
        self.binding: Any = self
        self.asked: Any = self
        self.answers: Any = self
        self.keeper: Any = self
        self.state: Any = self
        self.task: Any = self
        self.merge = SimpleNamespace(ready=True)
        self.chain, self.told = SimpleNamespace(seq=5), SimpleNamespace(seq=5)
        self.watermark_ms = 99
        self.kept = 0

    @property
    def committed(self) -> bool:
        return bool(self.chain.seq == self.told.seq)

    @property
    def positions(self) -> dict[str, int]:
        return {"events": self.chain.seq}

    def fold(self) -> None:
        """What is folded is not committed."""
        self.chain.seq += 1
        self.watermark_ms += 1

    def commit(self) -> None:
        """The oldest of what was folded is committed."""
        self.told.seq += 1

    def keep(self, _: Any) -> None:
        self.kept += 1

    def final(self, _: Any) -> None:
        self.kept -= 1

    def forget(self, _: Any) -> None:
        self.kept = 0

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
    assert stands == (3, {"events": 5}, 5, 99)


def test_a_state_that_is_folded_on_answers_as_it_stood_at_its_last_commit() -> None:
    async def play() -> list[int]:
        task, desk = opened()
        seqs = [(await desk.ask("a", 1)).stands.seq]
        for commits in (0, 1, 0, 2):
            desk.keep()
            task.fold()
            seqs.append((await desk.ask("a", 1)).stands.seq)
            for _ in range(commits):
                task.commit()
            seqs.append((await desk.ask("a", 1)).stands.seq)
            assert task.kept == task.chain.seq - seqs[-1]
        return seqs

    assert asyncio.run(play()) == [5, 5, 5, 5, 6, 6, 6, 6, 8]


def test_where_folding_was_ahead_of_its_commit_the_first_question_waits_and_the_next_does_not() -> None:
    async def play() -> list[int]:
        task, desk = opened()
        desk.keep()
        task.fold()
        first = await asked(desk, "a")
        desk.keep()  # what is ahead already was not kept
        task.fold()
        await desk.answer()
        assert not first.done()
        task.commit()
        await desk.answer()
        assert not first.done()
        task.commit()
        await desk.answer()
        desk.keep()
        task.fold()
        return [(await first).stands.seq, (await desk.ask("b", 1)).stands.seq]

    assert asyncio.run(play()) == [7, 7]


def test_nothing_is_kept_when_nobody_asks_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        task, desk = opened()
        await desk.ask("a", 1)
        desk.keep()
        task.fold()
        assert (task.kept, desk.size) == (1, SLICE)
        now_s = monotonic()
        monkeypatch.setattr(tried, "monotonic", lambda: now_s + LATELY_S)
        desk.keep()
        assert (task.kept, desk.size) == (0, AT_ONCE)
        task.fold()
        question = await asked(desk, "b")  # of what was folded since nothing was kept
        assert not question.done()
        desk.close()
        with pytest.raises(Away):
            await question

    asyncio.run(play())


def test_nothing_is_kept_where_there_is_nothing_to_fold() -> None:
    async def play() -> None:
        task, desk = opened()
        task.merge.ready = False
        await desk.ask("a", 1)
        desk.keep()

        assert task.kept == 0

    asyncio.run(play())


def test_a_state_ahead_of_its_commit_answers_when_that_has_come() -> None:
    async def play() -> list[Any]:
        task, desk = opened()
        task.fold()
        questions = [await asked(desk, event) for event in ("a", "bad", "b")]
        await desk.answer()
        early = [question.done() for question in questions]
        assert desk.waiting
        task.commit()
        await desk.answer()
        assert all(question.done() for question in questions)  # before the next fold
        assert not desk.waiting
        return [early, await asyncio.gather(*questions, return_exceptions=True)]

    early, (first, bad, second) = asyncio.run(play())

    assert early == [False] * 3
    assert (first.answer.facts.id, second.answer.facts.id) == ("a", "b")
    assert isinstance(bad, Reject)


def test_no_more_than_so_many_wait() -> None:
    async def play() -> None:
        task, desk = opened()
        task.fold()
        questions = [await asked(desk, "a") for _ in range(WAITING)]
        with pytest.raises(Busy, match="64 requests wait for partition 3"):
            await desk.ask("one more", 1)
        task.commit()
        await desk.answer()
        assert len(await asyncio.gather(*questions)) == WAITING
        await desk.ask("one more", 1)

    asyncio.run(play())


def test_who_waits_is_sent_away_when_the_partition_moves() -> None:
    async def play() -> None:
        task, desk = opened()
        task.fold()
        question = await asked(desk, "a")
        desk.close()
        with pytest.raises(Away):
            await question
        task.commit()
        with pytest.raises(Away):
            await desk.ask("b", 1)

    asyncio.run(play())


def test_who_waits_too_long_is_sent_away_and_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tried, "WITHIN_S", 0.001)

    async def play() -> None:
        task, desk = opened()
        task.fold()
        for _ in range(WAITING + 1):
            with pytest.raises(Away, match="no commit within"):
                await desk.ask("a", 1)

    asyncio.run(play())


def test_smaller_groups_are_folded_in_small_slices_while_somebody_asks() -> None:
    _, desk = opened()
    before = desk.limit, desk.size

    asyncio.run(desk.ask("a", 1))

    assert (before, desk.limit, desk.size) == ((GROUP_LIMIT, AT_ONCE), ASKED_LIMIT, SLICE)
