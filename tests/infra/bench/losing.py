"""An arm that loses one output: a bench that compares with it must be void."""

from collections.abc import Mapping

from infra.bench.arm import AtLeastOnce
from infra.bench.at_least_once import Plain
from infra.bench.stopwatch import Timed
from streams.runtime.codec import Message
from streams.runtime.task import Binding

LOST = 5
"""The place of the output that goes missing."""


class Forgetful(Plain):
    """Sends everything but one message."""

    def __init__(self, kafka: Mapping[str, object], group: str, partition: int) -> None:
        super().__init__(kafka, group, partition)
        self._left = LOST

    def produce(self, message: Message) -> None:
        """Send it, unless it is the one."""
        self._left -= 1
        if self._left != 0:
            super().produce(message)


class Losing(AtLeastOnce):
    """At least once, but for one."""

    def transactions(self, binding: Binding, partition: int) -> Timed:
        """A producer that forgets."""
        return Timed(Forgetful(self.librdkafka, binding.group, partition), self.stopwatch)
