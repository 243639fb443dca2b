"""The two ways in which a stage is asked: over HTTP by anyone to any worker, and by Kafka."""

from typing import Any

from aiokafka.errors import KafkaConnectionError

from schemas.problem import Outage
from streams.runtime.metrics import Metrics
from streams.runtime.ownership import Ownership
from streams.runtime.request_topic import RequestTopic
from streams.runtime.route import Route
from streams.runtime.score_page import ScorePage


class Asking:
    """Serves requests to the stage of `app`; nothing, where it takes none. To be made before the app starts."""

    def __init__(self, app: Any, ownership: Ownership, metrics: Metrics) -> None:
        self._route = Route(app.consumer.address_of, app.millrace_address)
        self._topic: RequestTopic | None = None
        asked = ownership.binding.asked
        if asked is not None:
            ScorePage(asked, ownership, metrics, self._route).add_to(app.web.web_app.router)
            self._topic = RequestTopic(asked, ownership, metrics, app.millrace_kafka)

    async def start(self) -> None:
        """Read the topic from now on."""
        if self._topic is not None:
            try:
                await self._topic.start()
            except KafkaConnectionError as error:
                raise Outage(f"Kafka does not answer ({error}): check the broker") from error

    async def stop(self) -> None:
        """Read it no more, and give back what was connected."""
        if self._topic is not None:
            await self._topic.stop()
        await self._route.close()
