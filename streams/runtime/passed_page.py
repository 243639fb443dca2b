"""`/passed`: on a wire comes what the stage before has found for events that are only asked about; the rest is here."""

import asyncio
import logging
import time
from contextlib import suppress

from aiohttp import WSCloseCode, WSMsgType, web
from pydantic import ValidationError

from streams.runtime.asked import Question
from streams.runtime.enquiry import Enquiry
from streams.runtime.metrics import Metrics
from streams.runtime.refusal import REFUSALS, response, said
from streams.runtime.wire import PATH, Response, question, to_question

CLOSE_S = 1.0
"""How long who asks may take to hang up."""

log = logging.getLogger(__name__)


class PassedPage:
    """Answers other workers of ours, who know by the group's members that the partition is here."""

    def __init__(self, enquiry: Enquiry, metrics: Metrics) -> None:
        self._enquiry = enquiry
        self._metrics = metrics
        self._sockets: set[web.WebSocketResponse] = set()
        self._closed = False

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Serve it."""
        router.add_get(PATH, self._serve)

    async def close(self) -> None:
        """Answer nobody any more."""
        self._closed = True
        for socket in list(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        if self._closed:
            raise web.HTTPServiceUnavailable
        socket = web.WebSocketResponse(timeout=CLOSE_S)
        await socket.prepare(request)
        self._sockets.add(socket)
        try:
            async with asyncio.TaskGroup() as answering:
                async for message in socket:
                    try:
                        number, body = question(message.data if message.type is WSMsgType.BINARY else b"")
                    except ValueError as error:
                        await socket.close(code=WSCloseCode.PROTOCOL_ERROR, message=str(error).encode())
                        break
                    answering.create_task(self._answer(socket, number, body))
        finally:
            self._sockets.discard(socket)
        return socket

    async def _answer(self, socket: web.WebSocketResponse, number: int, body: bytes) -> None:
        began_s = time.perf_counter()
        told = await self._told(body)
        self._metrics.requested(told.status, time.perf_counter() - began_s)
        with suppress(ConnectionError):  # who asked has gone
            await socket.send_bytes(to_question(number, told))

    async def _told(self, body: bytes) -> Response:
        try:
            asked = Question.model_validate_json(body)
        except ValidationError as error:
            return _refused(said(400, f"no question that this version knows: {error}"))
        try:
            reply = await self._enquiry.of_question(asked)
        except REFUSALS as refused:
            return _refused(response(refused))
        except Exception:  # as over HTTP: this question fails, by name in the log, and the others go on
            log.exception("a question about %s failed", asked.passed)
            return _refused(said(500, "the stage that follows failed: see its log"))
        return Response(200, reply.model_dump_json().encode())


def _refused(refusal: web.Response) -> Response:
    assert isinstance(refusal.body, bytes)
    return Response(refusal.status, refusal.body)
