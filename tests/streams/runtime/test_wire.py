"""Questions on a wire are answered one beside the other, and nobody waits for a worker that has gone."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientSession, WSCloseCode, WSMsgType, web
from aiohttp.test_utils import TestServer

from streams.passing import Passing
from streams.runtime import peers as peers_of
from streams.runtime import wire
from streams.runtime.asked import Question
from streams.runtime.desk import Away
from streams.runtime.metrics import Metrics
from streams.runtime.passed_page import PassedPage
from streams.runtime.peers import Peers
from tests.streams.runtime.test_onward import MADE, PASSED

Answer = Callable[[int], Awaitable[None]]


class Said(str):
    """A reply that is said as it is."""

    __slots__ = ()

    def model_dump_json(self) -> str:
        return self


class Worker:
    """A worker whose answer to question `n` is `n`, once `answer` has come back."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.metrics = Metrics("taps", 1, "score")
        self.page = PassedPage(self, self.metrics)  # type: ignore[arg-type]
        self.app = web.Application()
        self.page.add_to(self.app.router)

    async def of_question(self, question: Question) -> Said:
        await self._answer(question.at_ms)
        return Said(question.at_ms)

    def counted(self, status: int) -> float | None:
        return self.metrics.registry.get_sample_value(
            "millrace_requests_total", {"pipeline": "taps", "version": "1", "stage": "score", "status": str(status)}
        )


@asynccontextmanager
async def serving(answer: Answer, port: int = 0) -> AsyncIterator[tuple[Worker, web.AppRunner, str, Peers]]:
    """A worker as Faust serves it, which ends no answer because who asked has gone; and who asks."""
    worker, peers = Worker(answer), Peers()
    runner = web.AppRunner(worker.app)
    async with asyncio.timeout(20):
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        (host, port), *_ = runner.addresses
        try:
            yield worker, runner, f"http://{host}:{port}", peers
        finally:
            await peers.close()
            await worker.page.close()
            await runner.cleanup()


def body(n: int) -> bytes:
    passed = Passing(MADE.compiled).event(PASSED)
    return Question(partition=0, passed=passed, at_ms=n, request_id=None, earlier={}).model_dump_json().encode()


async def at_once(_: int) -> None:
    """Nothing to wait for."""


def test_questions_are_answered_as_soon_as_each_can_be() -> None:
    order: list[int] = []

    async def play() -> list[wire.Response]:
        later = asyncio.Event()

        async def answer(n: int) -> None:
            await (later.wait() if n < 9 else asyncio.sleep(0))
            order.append(n)
            later.set()

        async with serving(answer) as (_, _, address, peers):
            return await asyncio.gather(*(peers.ask(address, body(n)) for n in range(10)))

    said = asyncio.run(play())

    assert order[0] == 9
    assert said == [(200, str(n).encode()) for n in range(10)]


def test_all_questions_to_a_worker_share_a_wire_and_are_counted() -> None:
    async def play() -> tuple[int, float | None]:
        async with serving(at_once) as (worker, server, address, peers):
            for n in range(5):
                await peers.ask(address, body(n))
            assert server.server is not None
            return len(server.server.connections), worker.counted(200)

    assert asyncio.run(play()) == (1, 5)


def test_who_leaves_while_the_wire_is_opened_takes_nobody_along() -> None:
    async def play() -> wire.Response:
        async with serving(at_once) as (_, _, address, peers):
            first, second = (asyncio.create_task(peers.ask(address, body(n))) for n in range(2))
            await asyncio.sleep(0)
            first.cancel()
            return await second

    assert asyncio.run(play()) == (200, b"1")


def test_who_waits_for_a_worker_that_goes_is_sent_away_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def play() -> list[Any]:
        waiting: list[int] = []
        late = asyncio.Event()

        async def answer(n: int) -> None:
            waiting.append(n)
            await late.wait()

        async with serving(answer) as (worker, _, address, peers):
            waits = [asyncio.create_task(peers.ask(address, body(n))) for n in range(3)]
            while len(waiting) < 3:
                await asyncio.sleep(0)
            await worker.page.close()
            said = await asyncio.gather(*waits, peers.ask(address, body(4)), return_exceptions=True)
            late.set()
            while worker.counted(200) != len(waits):
                await asyncio.sleep(0)
            return said

    assert [type(each) for each in asyncio.run(play())] == [Away] * 4
    assert not caplog.text


def test_a_worker_that_came_back_is_asked_again() -> None:
    async def play() -> wire.Response:
        async with serving(at_once) as (worker, server, address, peers):
            await peers.ask(address, body(1))
            (_, port), *_ = server.addresses
            await worker.page.close()
            await server.cleanup()
            with pytest.raises(Away):
                await peers.ask(address, body(2))
            async with serving(at_once, port):
                return await peers.ask(address, body(3))

    assert asyncio.run(play()) == (200, b"3")


def test_a_worker_that_says_nothing_is_away_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "WITHIN_S", 0.01)

    async def play() -> wire.Response:
        hung = asyncio.Event()

        async def first_never(n: int) -> None:
            if n == 1:
                await hung.wait()

        async with serving(first_never) as (_, _, address, peers):
            with pytest.raises(Away, match="does not answer"):
                await peers.ask(address, body(1))
            hung.set()  # what is said now, nobody waits for
            monkeypatch.setattr(wire, "WITHIN_S", 10.0)
            return await peers.ask(address, body(2))

    assert asyncio.run(play()) == (200, b"2")


def test_a_question_that_fails_by_a_mistake_of_ours_fails_alone(caplog: pytest.LogCaptureFixture) -> None:
    async def fails(n: int) -> None:
        await asyncio.sleep(0)
        if n == 1:
            raise RuntimeError("a mistake")

    async def play() -> list[wire.Response]:
        async with serving(fails) as (_, _, address, peers):
            return await asyncio.gather(*(peers.ask(address, body(n)) for n in range(3)))

    assert [each.status for each in asyncio.run(play())] == [200, 500, 200]
    assert "RuntimeError: a mistake" in caplog.text


@pytest.mark.parametrize("message", [b"short", "a text of some length"])
def test_who_asks_nothing_is_hung_up_on(message: bytes | str) -> None:
    async def play() -> int | None:
        async with serving(at_once) as (_, _, address, peers), ClientSession() as session:
            async with session.ws_connect(f"{address}{wire.PATH}") as stranger:
                await (stranger.send_bytes(message) if isinstance(message, bytes) else stranger.send_str(message))
                assert (await stranger.receive()).type is WSMsgType.CLOSE
            assert await peers.ask(address, body(1)) == (200, b"1")
            return stranger.close_code

    assert asyncio.run(play()) == WSCloseCode.PROTOCOL_ERROR


def test_who_is_told_nonsense_hangs_up() -> None:
    async def nonsense(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        await socket.send_bytes(b"short")
        await socket.receive()
        return socket

    async def play() -> None:
        app, peers = web.Application(), Peers()
        app.router.add_get(wire.PATH, nonsense)
        async with asyncio.timeout(20), TestServer(app) as server:
            with pytest.raises(Away, match="has gone"):
                await peers.ask(str(server.make_url("")).rstrip("/"), body(1))
            await peers.close()

    asyncio.run(play())


def test_an_open_wire_holds_nobody_up_who_stops() -> None:
    async def play() -> None:
        async with serving(at_once) as (worker, server, address, peers):
            await peers.ask(address, body(1))
            await worker.page.close()
            async with ClientSession() as session, session.get(f"{address}{wire.PATH}") as refused:
                assert refused.status == web.HTTPServiceUnavailable.status_code
            async with asyncio.timeout(5):
                await server.cleanup()

    asyncio.run(play())


def test_who_stops_asking_leaves_nothing_open() -> None:
    async def play() -> set[Any]:
        async with serving(at_once) as (worker, _, address, peers):
            await peers.ask(address, body(1))
            await peers.close()
            with pytest.raises(Away, match="stops"):
                await peers.ask(address, body(2))
            async with asyncio.timeout(5):
                while worker.page._sockets:
                    await asyncio.sleep(0)
            return worker.page._sockets

    assert asyncio.run(play()) == set()


def test_a_worker_that_went_without_a_word_is_connected_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_of, "ALIVE_S", 0.1)
    opened: list[web.WebSocketResponse] = []

    async def silent(request: web.Request) -> web.WebSocketResponse:
        opened.append(web.WebSocketResponse(autoping=False))
        await opened[-1].prepare(request)
        await asyncio.Event().wait()
        return opened[-1]

    async def play() -> None:
        app = web.Application()
        app.router.add_get(wire.PATH, silent)
        async with TestServer(app) as server, asyncio.timeout(20):
            peers, address = Peers(), str(server.make_url("")).rstrip("/")
            for _ in range(2):
                with pytest.raises(Away, match="gone"):
                    await peers.ask(address, body(1))
            await peers.close()

    asyncio.run(play())

    assert len(opened) == 2
