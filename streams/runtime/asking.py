"""The ways in which a stage is asked: over HTTP by anyone to any worker, by Kafka, and by the stage before."""

from typing import Any

from aiokafka.errors import KafkaConnectionError

from schemas.problem import Outage
from streams.passing import Passing
from streams.runtime.asked import Asked
from streams.runtime.enquiry import Enquiry
from streams.runtime.members import Members
from streams.runtime.metrics import Metrics
from streams.runtime.onward import Onward
from streams.runtime.ownership import Ownership
from streams.runtime.passed_page import PassedPage
from streams.runtime.peers import Peers
from streams.runtime.request_topic import RequestTopic
from streams.runtime.route import Route
from streams.runtime.score_page import ScorePage


class Asking:
    """Serves requests to the stage of `app`; nothing, where it takes none. To be made before the app starts."""

    def __init__(self, app: Any, ownership: Ownership, metrics: Metrics) -> None:
        self._peers = Peers()
        self._members: Members | None = None
        self._topic: RequestTopic | None = None
        self._page: PassedPage | None = None
        asked = ownership.binding.asked
        if asked is None:
            return
        router, enquiry = app.web.web_app.router, self._enquiry(app, asked, ownership)
        if asked.door is None:
            self._page = PassedPage(enquiry, metrics)
            self._page.add_to(router)
            return
        route = Route(app.consumer.address_of, app.millrace_address, self._peers)
        ScorePage(asked.pipeline, enquiry, ownership, metrics, route).add_to(router)
        self._topic = RequestTopic(asked.door, enquiry, ownership, metrics, app.millrace_kafka)

    def _enquiry(self, app: Any, asked: Asked, ownership: Ownership) -> Enquiry:
        passing, following = Passing(asked.pipeline.compiled), asked.following
        if following is None:
            return Enquiry(asked, ownership, passing, None)
        self._members = Members(following.group, app.millrace_kafka)
        onward = Onward(following, ownership.binding.partitions, passing, self._members, self._peers)
        return Enquiry(asked, ownership, passing, onward)

    async def start(self) -> None:
        """Read the topic from now on."""
        if self._topic is not None:
            try:
                await self._topic.start()
            except KafkaConnectionError as error:
                raise Outage(f"Kafka does not answer ({error}): check the broker") from error

    async def stop(self) -> None:
        """Read it no more, answer nobody, and give back what was connected."""
        if self._topic is not None:
            await self._topic.stop()
        if self._members is not None:
            await self._members.close()
        if self._page is not None:
            await self._page.close()
        await self._peers.close()
