"""What a worker says over HTTP where it cannot answer, and when it passes a request on."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from streams.passing import Passing
from streams.runtime.asked import Asked
from streams.runtime.desk import Away, Busy
from streams.runtime.enquiry import Enquiry
from streams.runtime.metrics import Metrics
from streams.runtime.peers import Peers
from streams.runtime.route import FORWARDED, Route
from streams.runtime.score_page import ScorePage
from tests.streams.builders import Tap, pipeline

TAP = Tap(tap_id="1", at_ms=1_000)
PLACES = 1


class Elsewhere:
    """An ownership without partitions, or with one that fails in a given way."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.binding: Any = self
        self.partitions = PLACES
        self._fails = fails

    def task(self, _: int) -> object | None:
        return self._fails

    async def ask(self, *_: object) -> None:
        raise self._fails or Away("partition 0 is not ready here")


def served(ownership: Any, address_of: Callable[[int], str | None]) -> web.Application:
    made, unused, peers = pipeline(), None, Peers()
    asked: Any = Asked(pipeline=made, stage="score", answers=unused, door=None, following=None)  # type: ignore[arg-type]
    app, route = web.Application(), Route(address_of, "http://own", peers)
    enquiry = Enquiry(asked, ownership, Passing(made.compiled), None)
    ScorePage(made, enquiry, ownership, Metrics("taps", 1, "score"), route).add_to(app.router)

    async def close(_: web.Application) -> None:
        await peers.close()

    app.on_cleanup.append(close)
    return app


def posted(app: web.Application, **headers: str) -> tuple[int, str | None, Any]:
    """Status, Retry-After and body of one request."""

    async def post() -> tuple[int, str | None, Any]:
        async with TestClient(TestServer(app)) as client:
            answer = await client.post("/score", json=TAP.model_dump(), headers=headers)
            return answer.status, answer.headers.get("Retry-After"), await answer.json()

    return asyncio.run(post())


@pytest.mark.parametrize(("fails", "status"), [(Busy("64 wait"), 429), (Away("it moves"), 503)])
def test_who_cannot_be_answered_now_is_told_when_to_come_again(fails: Exception, status: int) -> None:
    told = posted(served(Elsewhere(fails), lambda _: None))

    assert told[:2] == (status, "1")
    assert str(fails) in told[2]["detail"]


@pytest.mark.parametrize(
    ("address", "why"),
    [(None, "is not ready"), ("http://own", "is not ready"), ("http://127.0.0.1:1", "does not answer at")],
)
def test_a_partition_whose_worker_is_not_reached_is_not_ready(address: str | None, why: str) -> None:
    told = posted(served(Elsewhere(), lambda _: address))

    assert told[:2] == (503, "1")
    assert why in told[2]["detail"]


def test_a_request_is_passed_on_once_and_its_answer_back() -> None:
    came: list[dict[str, str]] = []

    async def other(request: web.Request) -> web.Response:
        came.append({name: request.headers.get(name, "") for name in ("X-Request-ID", FORWARDED)})
        return web.json_response({"said": await request.json()}, status=429, headers={"Retry-After": "7"})

    app = web.Application()
    app.router.add_post("/score", other)

    async def play(pass_on: Callable[[str], Awaitable[Any]]) -> Any:
        async with TestServer(app) as server:
            return await pass_on(str(server.make_url("")).rstrip("/"))

    async def pass_on(address: str) -> Any:
        async with TestClient(TestServer(served(Elsewhere(), lambda _: address))) as client:
            answer = await client.post("/score", json=TAP.model_dump(), headers={"X-Request-ID": "mine"})
            again = await client.post("/score", json=TAP.model_dump(), headers={FORWARDED: "1"})
            return answer.status, answer.headers["Retry-After"], await answer.json(), again.status

    told = asyncio.run(play(pass_on))

    assert told == (429, "7", {"said": TAP.model_dump()}, 503)
    assert came == [{"X-Request-ID": "mine", FORWARDED: "1"}]
