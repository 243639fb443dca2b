"""A connection between two workers: many questions are under way on it, and each is answered as soon as it can be.

It is a WebSocket with a binary message per question and per response, each behind the number of its question. A request
over HTTP for each took three times the CPU, and several rounds of a busy event loop.
"""

import asyncio
from itertools import count
from struct import Struct
from typing import NamedTuple

from aiohttp import ClientError, ClientWebSocketResponse, WSCloseCode, WSMsgType

from streams.runtime.desk import WITHIN_S, Away

PATH = "/passed"
"""Where a worker that answers is connected to."""

_QUESTION = Struct(">Q")
_RESPONSE = Struct(">QH")


class Response(NamedTuple):
    """What is said to a question: a status as HTTP has it, and JSON."""

    status: int
    body: bytes


def question(message: bytes) -> tuple[int, bytes]:
    """Its number, and what is asked. Raises `ValueError` where the message is no question."""
    if len(message) < _QUESTION.size:
        raise ValueError("shorter than the number of a question")
    (number,) = _QUESTION.unpack_from(message)
    return number, message[_QUESTION.size :]


def to_question(number: int, said: Response) -> bytes:
    """The message that says this to the question of that number."""
    return _RESPONSE.pack(number, said.status) + said.body


class Wire:
    """The end of a connection that asks. All methods run on the event loop."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = count()
        self._asked: dict[int, asyncio.Future[Response]] = {}
        self._reading = asyncio.create_task(self._read())

    @property
    def broken(self) -> bool:
        """Whether nothing more is said on it."""
        return self._reading.done()

    async def ask(self, body: bytes) -> Response:
        """What is said to this. Raises `Away` where the connection breaks, or nothing is said in time."""
        number = next(self._numbers)
        said: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._asked[number] = said
        try:
            async with asyncio.timeout(2 * WITHIN_S):
                await self._socket.send_bytes(_QUESTION.pack(number) + body)
                return await said
        except (ClientError, ConnectionError, TimeoutError) as error:
            raise Away("a worker does not answer") from error
        finally:
            del self._asked[number]

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                if message.type is not WSMsgType.BINARY or len(message.data) < _RESPONSE.size:
                    await self._socket.close(code=WSCloseCode.PROTOCOL_ERROR)
                    break
                self._take(message.data)
        finally:
            for said in self._asked.values():
                if not said.done():
                    said.set_exception(Away("a worker has gone"))

    def _take(self, message: bytes) -> None:
        number, status = _RESPONSE.unpack_from(message)
        said = self._asked.get(number)
        if said is not None and not said.done():  # else who asked has left
            said.set_result(Response(status, message[_RESPONSE.size :]))
