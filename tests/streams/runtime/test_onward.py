"""A question is passed on to the stage that follows: what that refuses comes back, and who has moved is found again."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from schemas.reject import Reason, Reject
from streams import Field, per
from streams.answer import Answer
from streams.entrance import Unscored
from streams.facts import Facts
from streams.learner import Prediction
from streams.passing import NOWHERE, PassedEvent, Passing
from streams.plan import key_of
from streams.runtime.asked import Asked, Following, Question
from streams.runtime.desk import Answered, Away, Busy, Unanswerable
from streams.runtime.enquiry import Enquiry
from streams.runtime.metrics import Metrics
from streams.runtime.onward import Onward
from streams.runtime.partition import partition_of
from streams.runtime.passed_page import PassedPage
from streams.runtime.peers import Peers
from streams.said import Stands
from tests.streams.builders import Tap, pipeline

PARTITIONS = 5
MADE = pipeline(features=[Field("amount"), per("card").over("9ms").count(), per("shop").over("9ms").distinct("card")])
TAP = Tap(tap_id="1", at_ms=1_000, card="a", shop="s", amount=1 / 3)
PASSED = PassedEvent(Facts("1", ("a", "s"), 1_000), MADE.compiled.read(TAP), [0.1 + 0.2], NOWHERE)
ANSWER = Answer(PASSED.facts, [1 / 3, 0.1 + 0.2, 1.0], "champion", Prediction(0.7, "true", None), 3)


class Here:
    """An ownership that says what it is told to, and remembers what it was asked."""

    def __init__(self, says: Any) -> None:
        self._says = says
        self.asked: list[tuple[int, Any, int]] = []

    async def ask(self, partition: int, event: Any, at_ms: int) -> Answered:
        self.asked.append((partition, event, at_ms))
        if isinstance(self._says, Exception):
            raise self._says
        return Answered(self._says, Stands(partition, {"passed": 8}, 4, 999))


class Known:
    """Members whose addresses are given, one after the other."""

    def __init__(self, *addresses: str) -> None:
        self._addresses = list(addresses)
        self.asked: list[int] = []

    async def address_of(self, partition: int) -> str:
        self.asked.append(partition)
        return self._addresses[0]

    def forget(self, partition: int, address: str) -> None:
        assert partition == self.asked[-1]
        assert address == self._addresses.pop(0)


def stage(name: str, following: Following | None) -> Any:
    unused: Any = None
    return Asked(pipeline=MADE, stage=name, answers=unused, door=None, following=following)


def played(last: Here, *before: str, request_id: str | None = "mine") -> tuple[Any, Known]:
    """What the first stage replies whose follower is `last`, known to be at the addresses `before` until then."""

    async def play() -> tuple[Any, Known]:
        peers, passing = Peers(), Passing(MADE.compiled)
        app = web.Application()
        ownership: Any = last
        behind = Enquiry(stage("score", None), ownership, passing, None)
        PassedPage(behind, Metrics("taps", 1, "score")).add_to(app.router)
        async with TestServer(app) as server:
            following, known = (
                Following("taps.v1.score", key_of(MADE, "shop")),
                Known(*before, str(server.make_url("")).rstrip("/"), ""),
            )
            members: Any = known
            first: Any = Here(PASSED)
            onward = Onward(following, PARTITIONS, passing, members, peers)
            try:
                return await Enquiry(stage("by_card", following), first, passing, onward).of_event(
                    2, TAP, 1_001, request_id
                ), known
            finally:
                await peers.close()

    return asyncio.run(play())


def test_what_was_found_goes_on_whole_and_the_reply_comes_back() -> None:
    last = Here(ANSWER)

    reply, known = played(last)

    assert last.asked == [(partition_of(b"s", PARTITIONS), PASSED, 1_001)]
    assert known.asked == [partition_of(b"s", PARTITIONS)]
    said: Mapping[str, Any] = reply.model_dump()
    assert list(said["features"].values()) == ANSWER.vector
    assert said["request_id"] == "mine"
    assert said["earlier"] == {"by_card": 4}
    assert (said["ledger_seq"], said["watermark_ms"], said["positions"]) == (4, 999, {"passed": 8})


@pytest.mark.parametrize(
    "refusal",
    [
        Reject(Reason.NOT_FINITE, "both is inf"),
        Unscored("duplicate", "it was scored"),
        Busy("64 wait"),
        Unanswerable("the model failed"),
    ],
    ids=lambda refusal: type(refusal).__name__,
)
def test_what_the_last_stage_refuses_the_first_refuses_alike(refusal: Exception) -> None:
    with pytest.raises(type(refusal)) as refused:
        played(Here(refusal))

    assert vars(refused.value) == vars(refusal)
    assert str(refused.value) == str(refusal)


def test_a_question_of_another_version_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Question, "model_dump_json", lambda _: '{"passed": 7}')

    with pytest.raises(Away, match="no question that this version knows"):
        played(Here(ANSWER), "http://127.0.0.1:1")


def test_a_follower_that_has_moved_is_asked_where_it_is_now() -> None:
    reply, known = played(Here(ANSWER), "http://127.0.0.1:1")

    assert reply.event_id == "1"
    assert len(known.asked) == 2


def test_a_follower_that_is_not_ready_is_asked_anew_but_once() -> None:
    last = Here(Away("it moves"))

    with pytest.raises(Away, match="it moves"):
        played(last, "http://127.0.0.1:1")
    assert len(last.asked) == 1
