"""`POST /score`: an event comes as JSON, and is answered here or by the worker that has its partition."""

import json
import time
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from schemas.reject import Reason, Reject
from streams.pipeline import Pipeline
from streams.runtime.counted import counted
from streams.runtime.enquiry import Enquiry
from streams.runtime.metrics import Metrics
from streams.runtime.openapi import document
from streams.runtime.ownership import Ownership
from streams.runtime.partition import partition_of
from streams.runtime.peers import JSON
from streams.runtime.refusal import REFUSALS, response, said
from streams.runtime.route import FORWARDED, Route

REQUEST_ID = "X-Request-ID"


class ScorePage:
    """Answers requests over HTTP; the result of each is counted and timed in `metrics`."""

    def __init__(
        self, pipeline: Pipeline, enquiry: Enquiry, ownership: Ownership, metrics: Metrics, route: Route
    ) -> None:
        self._pipeline = pipeline
        self._enquiry = enquiry
        self._ownership = ownership
        self._metrics = metrics
        self._route = route
        self._validate = TypeAdapter(pipeline.event).validator.validate_json
        self._document = json.dumps(document(pipeline))

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Serve `/score` and `/openapi.json`."""
        router.add_post("/score", counted(self._answer, self._metrics))
        router.add_get("/openapi.json", self._openapi)

    async def _openapi(self, _: web.Request) -> web.Response:
        return web.Response(text=self._document, content_type=JSON)

    async def _answer(self, request: web.Request) -> web.Response:
        if request.content_type != JSON:
            return said(415, f"send the event as {JSON}, not as {request.content_type}")
        try:
            body = await request.read()
            event = self._event(body)
            return await self._of(event, body, request.headers)
        except REFUSALS as refused:
            return response(refused)

    def _event(self, body: bytes) -> Any:
        try:
            return self._validate(body, strict=True)
        except ValidationError:
            raise
        except Exception as error:  # the user's own validators, of which anything may come: named and refused
            message = f"a check of {self._pipeline.event.__name__} failed: {type(error).__name__}: {error}"
            raise Reject(Reason.INVALID, message) from error

    async def _of(self, event: Any, body: bytes, headers: Mapping[str, str]) -> web.Response:
        key = str(getattr(event, self._pipeline.key)).encode()
        partition = partition_of(key, self._ownership.binding.partitions)
        if self._ownership.task(partition) is None and FORWARDED not in headers:
            return await self._route.forward(partition, body, headers)
        name, now_ms = _plain(headers.get(REQUEST_ID)), time.time_ns() // 1_000_000
        reply = await self._enquiry.of_event(partition, event, now_ms, name)
        return web.Response(text=reply.model_dump_json(), content_type=JSON)


def _plain(name: str | None) -> str | None:
    """A header's value with what is no UTF-8 replaced."""
    return None if name is None else name.encode("utf-8", "replace").decode()
