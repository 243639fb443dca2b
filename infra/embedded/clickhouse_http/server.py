"""The HTTP server: paths, threads, start and end."""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from schemas.problem import Problem

from .engine import Engine
from .errors import Refusal
from .execute import Account, execute
from .request import read_request

THREADS = 16  # statements at once; chDB has threads of its own for the work
DRAIN_S = 2.0
_LINE_BYTES = 1 << 20  # ClickHouse's http_max_uri_size
_NO_HANDLE = (
    "There is no handle {path}\n\nUse / or /ping for health checks.\n\nSend queries from your program with POST\n"
)
T = TypeVar("T")


class Server:
    """Answers requests from one engine."""

    def __init__(self, engine: Engine, account: Account) -> None:
        self._engine = engine
        self._account = account
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="statement")

    def application(self) -> web.Application:
        """The routes: queries at /, health at /ping, ClickHouse's own words for any other path."""
        app = web.Application(client_max_size=0)
        app.router.add_get("/ping", _ok)
        app.router.add_get("/replicas_status", _ok)
        app.router.add_route("*", "/", self._query)
        app.router.add_route("*", "/{path:.*}", _no_handle)
        return app

    def close(self) -> None:
        """Close the engine, which ends running statements, then the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._engine.close()

    async def _query(self, http: web.Request) -> web.StreamResponse:
        if http.method in {"GET", "HEAD"} and not http.query_string:
            return await _ok(http)
        try:
            request = await read_request(http)
            answer = await self._in_thread(lambda: execute(self._engine, self._account, request))
        except Refusal as refusal:
            return self._refused(refusal)
        if isinstance(answer.body, bytes):
            return web.Response(headers=answer.headers, body=answer.body)
        response = web.StreamResponse(headers=answer.headers)
        await response.prepare(http)
        async with contextlib.aclosing(self._pieces(answer.body)) as pieces:
            async for piece in pieces:
                await response.write(piece)
        await response.write_eof()
        return response

    async def _pieces(self, body: Generator[bytes]) -> AsyncGenerator[bytes]:
        try:
            while piece := await self._in_thread(lambda: next(body, b"")):
                yield piece
        finally:
            await self._in_thread(body.close)

    def _refused(self, refusal: Refusal) -> web.Response:
        text = refusal.text(self._engine.version) + "\n"
        return web.Response(
            status=refusal.status, text=text, headers={"X-ClickHouse-Exception-Code": str(refusal.code)}
        )

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


async def _ok(_: web.Request) -> web.Response:
    return web.Response(text="Ok.\n")


async def _no_handle(http: web.Request) -> web.Response:
    return web.Response(status=404, text=_NO_HANDLE.format(path=http.path))


async def serve(data_dir: Path, *, host: str, port: int, account: Account) -> None:
    """Serve until SIGTERM or SIGINT, then end cleanly; print the address, whose port is free if 0 was asked.

    Raises Problem if the directory or the port is taken or chDB cannot open the directory.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    server = Server(Engine(data_dir), account)
    runner = web.AppRunner(
        server.application(),
        access_log=None,
        auto_decompress=False,
        max_line_size=_LINE_BYTES,
        max_field_size=_LINE_BYTES,
        shutdown_timeout=DRAIN_S,
    )
    await runner.setup()
    try:
        await _listen(runner, host, port)
        await stop.wait()
    finally:
        await runner.cleanup()
        server.close()


async def _listen(runner: web.AppRunner, host: str, port: int) -> None:
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        cure = "stop the other server or choose another port (0 takes a free one)"
        raise Problem(f"cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}): {cure}") from error
    bound = runner.addresses[0][1]
    print(f"listening on http://{host}:{bound}", flush=True)  # noqa: T201  # whoever started us reads it
