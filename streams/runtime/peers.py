"""Other workers, as they are reached: by requests over HTTP, and by wires on which questions go."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import ClientError, ClientSession, ClientTimeout

from streams.runtime.desk import WITHIN_S, Away
from streams.runtime.wire import PATH, Response, Wire

JSON = "application/json"
ALIVE_S = 2 * WITHIN_S
"""So often another worker is asked for a sign of life: one that went without a word gives none, so the wire breaks."""


class Said(NamedTuple):
    """A worker's response to a request."""

    status: int
    headers: Mapping[str, str]
    content_type: str
    body: bytes


class Peers:
    """Connections to other workers, opened when they are needed first."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None
        self._wires: dict[str, asyncio.Task[Wire]] = {}
        self._closed = False

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Said:
        """What is said to this. Raises `Away` where nobody answers."""
        try:
            async with self._connected().post(url, data=body, headers=headers) as answer:
                return Said(answer.status, answer.headers, answer.content_type, await answer.read())
        except (ClientError, TimeoutError) as error:
            raise Away(f"a worker does not answer at {url}") from error

    async def ask(self, address: str, body: bytes) -> Response:
        """What the worker there says to this question. Raises `Away` where it does not answer."""
        wire = self._wires.get(address)
        if wire is None or _broken(wire):
            wire = self._wires[address] = asyncio.create_task(self._wired(address))
        try:
            return await (await asyncio.shield(wire)).ask(body)
        except (ClientError, TimeoutError) as error:
            raise Away(f"a worker does not answer at {address}") from error

    async def close(self) -> None:
        """Give back the connections; reach nobody any more."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    async def _wired(self, address: str) -> Wire:
        async with asyncio.timeout(2 * WITHIN_S):
            return Wire(await self._connected().ws_connect(f"{address}{PATH}", heartbeat=ALIVE_S))

    def _connected(self) -> ClientSession:
        if self._closed:
            raise Away("this worker stops")
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=2 * WITHIN_S))
        return self._session


def _broken(wire: asyncio.Task[Wire]) -> bool:
    return wire.done() and (wire.exception() is not None or wire.result().broken)
