"""The stage that goes on with a question, in whichever process its partition is."""

from collections.abc import Mapping

from schemas.reply import Reply
from streams.passing import PassedEvent, Passing
from streams.runtime.asked import Following, Question
from streams.runtime.desk import Away
from streams.runtime.members import Members
from streams.runtime.partition import partition_of
from streams.runtime.peers import Peers
from streams.runtime.refusal import refusal

OK = 200


class Onward:
    """Asks the stage that is `following`, which has so many partitions; its members are reached as `peers`."""

    def __init__(self, following: Following, partitions: int, passing: Passing, members: Members, peers: Peers) -> None:
        self._key = following.key
        self._partitions = partitions
        self._passing = passing
        self._members = members
        self._peers = peers

    async def ask(
        self, passed: PassedEvent, *, at_ms: int, request_id: str | None, earlier: Mapping[str, int]
    ) -> Reply:
        """Its reply. Whoever had the partition and does not answer is asked for anew, but once.

        Raises what it refuses with, and `Away` where nobody answers.
        """
        question = Question(
            partition=partition_of(self._key(passed.facts.keys).encode(), self._partitions),
            passed=self._passing.event(passed),
            at_ms=at_ms,
            request_id=request_id,
            earlier=dict(earlier),
        )
        body = question.model_dump_json().encode()
        try:
            return await self._asked(question.partition, body)
        except Away:
            return await self._asked(question.partition, body)

    async def _asked(self, partition: int, body: bytes) -> Reply:
        address = await self._members.address_of(partition)
        try:
            said = await self._peers.ask(address, body)
            if said.status != OK:
                raise refusal(said)
        except Away:
            self._members.forget(partition, address)
            raise
        return Reply.model_validate_json(said.body)
