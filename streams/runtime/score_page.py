"""`POST /score`: an event comes as JSON, and is answered here or by the worker that has its partition."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from schemas.reject import Reason, Reject
from streams.answer import Unscored
from streams.runtime.asked import Asked
from streams.runtime.desk import Away, Busy, Unanswerable
from streams.runtime.metrics import Metrics
from streams.runtime.openapi import document
from streams.runtime.ownership import Ownership
from streams.runtime.partition import partition_of
from streams.runtime.route import FORWARDED, Route
from streams.said import reply

REQUEST_ID = "X-Request-ID"
JSON = "application/json"
RETRY_AFTER = {"Retry-After": "1"}


class ScorePage:
    """Answers requests over HTTP; the result of each is counted and timed in `metrics`."""

    def __init__(self, asked: Asked, ownership: Ownership, metrics: Metrics, route: Route) -> None:
        self._asked = asked
        self._ownership = ownership
        self._metrics = metrics
        self._route = route
        self._validate = TypeAdapter(asked.pipeline.event).validator.validate_json
        self._document = json.dumps(document(asked.pipeline))

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Serve `/score` and `/openapi.json`."""
        router.add_post("/score", self._score)
        router.add_get("/openapi.json", self._openapi)

    async def _openapi(self, _: web.Request) -> web.Response:
        return web.Response(text=self._document, content_type=JSON)

    async def _score(self, request: web.Request) -> web.Response:
        began_s = time.perf_counter()
        response = await self._answer(request)
        self._metrics.requested(response.status, time.perf_counter() - began_s)
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        if request.content_type != JSON:
            return _refused(415, f"send the event as {JSON}, not as {request.content_type}")
        try:
            body = await request.read()
            event = self._event(body)
            return await self._of(event, body, request.headers)
        except web.HTTPRequestEntityTooLarge as large:
            return _refused(413, large.text or large.reason)
        except ValidationError as error:
            return _refused(422, error.errors(include_url=False, include_context=False, include_input=False))
        except Reject as reject:
            return _refused(422, [{"loc": [], "msg": reject.message, "type": reject.reason}])
        except Unscored as unscored:
            return _refused(409, str(unscored))
        except Busy as busy:
            return _refused(429, f"{busy}: ask again later", RETRY_AFTER)
        except Unanswerable as failed:
            return _refused(500, str(failed))
        except Away as away:
            return _refused(503, f"{away}: ask again in a moment", RETRY_AFTER)

    def _event(self, body: bytes) -> Any:
        try:
            return self._validate(body, strict=True)
        except ValidationError:
            raise
        except Exception as error:  # the user's own validators, of which anything may come: named and refused
            message = f"a check of {self._asked.pipeline.event.__name__} failed: {type(error).__name__}: {error}"
            raise Reject(Reason.INVALID, message) from error

    async def _of(self, event: Any, body: bytes, headers: Mapping[str, str]) -> web.Response:
        pipeline = self._asked.pipeline
        key = str(getattr(event, pipeline.key)).encode()
        partition = partition_of(key, self._ownership.binding.partitions)
        if self._ownership.task(partition) is None and FORWARDED not in headers:
            return await self._route.forward(partition, body, headers)
        answer, stands = await self._ownership.ask(partition, event, time.time_ns() // 1_000_000)
        said = reply(pipeline, _plain(headers.get(REQUEST_ID)), answer, stands)
        return web.Response(text=said.model_dump_json(), content_type=JSON)


def _plain(name: str | None) -> str | None:
    """A header's value with what is no UTF-8 replaced."""
    return None if name is None else name.encode("utf-8", "replace").decode()


def _refused(status: int, detail: str | Sequence[Any], headers: Mapping[str, str] | None = None) -> web.Response:
    return web.Response(text=json.dumps({"detail": detail}), status=status, content_type=JSON, headers=headers)
