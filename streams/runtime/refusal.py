"""What a request is refused with, as an HTTP response, and back again."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from schemas.reject import Reason, Reject
from streams.entrance import Unscored
from streams.runtime.desk import Away, Busy, Unanswerable
from streams.runtime.peers import JSON
from streams.runtime.wire import Response

RETRY_AFTER = {"Retry-After": "1"}
LATER, SOON = ": ask again later", ": ask again in a moment"

REFUSALS = (web.HTTPRequestEntityTooLarge, ValidationError, Reject, Unscored, Busy, Unanswerable, Away)


def response(refused: Exception) -> web.Response:
    """How one of `REFUSALS` is said."""
    match refused:
        case web.HTTPRequestEntityTooLarge():
            return said(413, refused.text or refused.reason)
        case ValidationError():
            return said(422, refused.errors(include_url=False, include_context=False, include_input=False))
        case Reject():
            return said(422, [{"loc": [], "msg": refused.message, "type": refused.reason}])
        case Unscored():
            return said(409, str(refused))
        case Busy():
            return said(429, f"{refused}{LATER}", RETRY_AFTER)
        case Away():
            return said(503, f"{refused}{SOON}", RETRY_AFTER)
        case _:
            return said(500, str(refused))


def refusal(said: Response) -> Exception:
    """What a stage that follows has refused with; `Away` where it is not known how."""
    detail: Any = json.loads(said.body)["detail"]
    match said.status:
        case 422:
            return Reject(Reason(detail[0]["type"]), detail[0]["msg"])
        case 409:
            return Unscored("duplicate", detail)
        case 429:
            return Busy(detail.removesuffix(LATER))
        case 500:
            return Unanswerable(f"{detail}")
        case _:
            return Away(f"{detail}".removesuffix(SOON))


def said(status: int, detail: str | Sequence[Any], headers: Mapping[str, str] | None = None) -> web.Response:
    """A refusal with these details."""
    return web.Response(text=json.dumps({"detail": detail}), status=status, content_type=JSON, headers=headers)
