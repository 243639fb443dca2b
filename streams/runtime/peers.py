"""Other workers, as they are reached over HTTP."""

from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import ClientError, ClientSession, ClientTimeout

from streams.runtime.desk import WITHIN_S, Away

JSON = "application/json"


class Said(NamedTuple):
    """A worker's response."""

    status: int
    headers: Mapping[str, str]
    content_type: str
    body: bytes


class Peers:
    """Connections to other workers, opened when they are needed first."""

    def __init__(self) -> None:
        self._session: ClientSession | None = None
        self._closed = False

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Said:
        """What is said to this. Raises `Away` where nobody answers."""
        if self._closed:
            raise Away("this worker stops")
        try:
            async with self._connected().post(url, data=body, headers=headers) as answer:
                return Said(answer.status, answer.headers, answer.content_type, await answer.read())
        except (ClientError, TimeoutError) as error:
            raise Away(f"a worker does not answer at {url}") from error

    async def close(self) -> None:
        """Give back the connections; reach nobody any more."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _connected(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=2 * WITHIN_S))
        return self._session
