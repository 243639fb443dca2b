"""Where a request goes whose partition another worker has: on to that one, which the group's members know."""

from collections.abc import Callable, Mapping

from aiohttp import web

from streams.runtime.desk import Away
from streams.runtime.peers import Peers

FORWARDED = "X-Millrace-Forwarded"
"""A request goes on once: where its partition has moved meanwhile, the caller asks again."""

PASSED_ON = ("X-Request-ID", "Content-Type")
PASSED_BACK = ("Retry-After",)


class Route:
    """Passes requests on to the worker that `address_of` names for a partition; None where it is not known."""

    def __init__(self, address_of: Callable[[int], str | None], own: str, peers: Peers) -> None:
        self._address_of = address_of
        self._own = own
        self._peers = peers

    async def forward(self, partition: int, body: bytes, headers: Mapping[str, str]) -> web.Response:
        """The other's response. Raises `Away` where nobody else has the partition, or its worker does not answer."""
        address = self._address_of(partition)
        if address is None or address == self._own:
            raise Away(f"partition {partition} is not ready")
        passed = {name: headers[name] for name in PASSED_ON if name in headers} | {FORWARDED: "1"}
        said = await self._peers.post(f"{address}/score", body, passed)
        back = {name: said.headers[name] for name in PASSED_BACK if name in said.headers}
        return web.Response(body=said.body, status=said.status, content_type=said.content_type, headers=back)
