"""`POST /passed`: what the stage before has found for an event that is only asked about, and the rest is found here."""

from aiohttp import web
from pydantic import ValidationError

from streams.runtime.asked import Question
from streams.runtime.counted import counted
from streams.runtime.enquiry import Enquiry
from streams.runtime.metrics import Metrics
from streams.runtime.onward import PATH
from streams.runtime.peers import JSON
from streams.runtime.refusal import REFUSALS, response, said


class PassedPage:
    """Answers other workers of ours, who know by the group's members that the partition is here."""

    def __init__(self, enquiry: Enquiry, metrics: Metrics) -> None:
        self._enquiry = enquiry
        self._metrics = metrics

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Serve it."""
        router.add_post(PATH, counted(self._answer, self._metrics))

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            question = Question.model_validate_json(await request.read())
        except ValidationError as error:
            return said(400, f"no question that this version knows: {error}")
        try:
            reply = await self._enquiry.of_question(question)
        except REFUSALS as refused:
            return response(refused)
        return web.Response(text=reply.model_dump_json(), content_type=JSON)
