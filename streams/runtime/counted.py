"""Requests over HTTP, counted by their status and timed."""

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from streams.runtime.metrics import Metrics

Answer = Callable[[web.Request], Awaitable[web.Response]]


def counted(answer: Answer, metrics: Metrics) -> Answer:
    """The same answers, each told to `metrics`."""

    async def answered(request: web.Request) -> web.Response:
        began_s = time.perf_counter()
        response = await answer(request)
        metrics.requested(response.status, time.perf_counter() - began_s)
        return response

    return answered
