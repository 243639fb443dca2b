"""Has a question answered whole: by this stage, and by those that go on with it."""

from collections.abc import Mapping
from typing import Any

from schemas.reply import Reply
from streams.answer import Answer
from streams.passing import Passing
from streams.runtime.asked import Asked, Question
from streams.runtime.onward import Onward
from streams.runtime.ownership import Ownership
from streams.said import reply


class Enquiry:
    """Asks the state of a partition that is ours; where that only finds a part, `onward` knows the rest.

    Raises `Away` where a state that is needed is not here or not reached, `Busy` where too many ask, `Unanswerable`
    where the model fails, and what a stage refuses the event with.
    """

    def __init__(self, asked: Asked, ownership: Ownership, passing: Passing, onward: Onward | None) -> None:
        self._asked = asked
        self._ownership = ownership
        self._passing = passing
        self._onward = onward

    async def of_event(self, partition: int, event: Any, at_ms: int, request_id: str | None) -> Reply:
        """The reply about an event that is asked about at `at_ms`."""
        return await self._reply(partition, event, at_ms, request_id, {})

    async def of_question(self, question: Question) -> Reply:
        """The reply about an event for which the stage before has found its part."""
        passed = self._passing.read(question.passed.__dict__)
        return await self._reply(question.partition, passed, question.at_ms, question.request_id, question.earlier)

    async def _reply(
        self, partition: int, asked: Any, at_ms: int, request_id: str | None, earlier: Mapping[str, int]
    ) -> Reply:
        answer, stands = await self._ownership.ask(partition, asked, at_ms)
        if isinstance(answer, Answer):
            return reply(self._asked.pipeline, request_id, answer, stands, earlier)
        assert self._onward is not None
        before = {**earlier, self._asked.stage: stands.seq}
        return await self._onward.ask(answer, at_ms=at_ms, request_id=request_id, earlier=before)
