"""Where a request goes whose partition another worker has: on to that one, which the group's members know."""

from collections.abc import Callable, Mapping

from aiohttp import ClientError, ClientSession, ClientTimeout, web

from streams.runtime.desk import WITHIN_S, Away

FORWARDED = "X-Millrace-Forwarded"
"""A request goes on once: where its partition has moved meanwhile, the caller asks again."""

PASSED_ON = ("X-Request-ID", "Content-Type")
PASSED_BACK = ("Retry-After",)


class Route:
    """Passes requests on to the worker that `address_of` names for a partition; None where it is not known."""

    def __init__(self, address_of: Callable[[int], str | None], own: str) -> None:
        self._address_of = address_of
        self._own = own
        self._session: ClientSession | None = None
        self._closed = False

    async def forward(self, partition: int, body: bytes, headers: Mapping[str, str]) -> web.Response:
        """The other's response. Raises `Away` where nobody else has the partition, or its worker does not answer."""
        address = self._address_of(partition)
        if address is None or address == self._own or self._closed:
            raise Away(f"partition {partition} is not ready")
        passed = {name: headers[name] for name in PASSED_ON if name in headers} | {FORWARDED: "1"}
        try:
            async with self._connected().post(f"{address}/score", data=body, headers=passed) as answer:
                back = {name: answer.headers[name] for name in PASSED_BACK if name in answer.headers}
                said = await answer.read()
                return web.Response(body=said, status=answer.status, content_type=answer.content_type, headers=back)
        except (ClientError, TimeoutError) as error:
            raise Away(f"the worker of partition {partition} does not answer at {address}") from error

    async def close(self) -> None:
        """Give back the connections; pass nothing on any more."""
        self._closed = True
        if self._session is not None:
            await self._session.close()

    def _connected(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(timeout=ClientTimeout(total=2 * WITHIN_S))
        return self._session
