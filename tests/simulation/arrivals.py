"""How the inputs come to a task: in small fetches, one input before the other, at times with a gap before them."""

from random import Random

from streams.runtime.owned import Owned
from streams.runtime.raw import Run
from tests.simulation.checks import require
from tests.simulation.inputs import BINDING
from tests.simulation.log import Log

TURNS = 1_000
"""Fetches of one run at most."""


class Arrivals:
    """What has arrived by now: everything, or, in a `live` run, more and more."""

    def __init__(self, log: Log, random: Random, *, live: bool) -> None:
        self.log, self.random, self.live = log, random, live
        self.arrived = {topic: 0 if live else log.partition(topic).high for topic in BINDING.topics}
        self.turns = 0

    def at_end(self, owned: Owned) -> bool:
        """Whether the task has been given all that there will ever be."""
        inputs = owned.task.merge.inputs.values()
        return all(each.at_end and each.fetched == self.log.partition(each.topic).high for each in inputs)

    def arrive(self) -> None:
        """In a live run the inputs become longer meanwhile, each at its own pace."""
        for topic in self.arrived if self.live else ():
            more = self.random.choice((0, 0, 2, 5, 20))
            self.arrived[topic] = min(self.arrived[topic] + more, self.log.partition(topic).high)

    def feed(self, owned: Owned) -> None:
        """Deliver a little of the inputs, at times behind a gap first."""
        self.turns += 1
        require(self.turns < TURNS, f"{TURNS} fetches came to no end")
        topics = self.random.sample(BINDING.topics, len(BINDING.topics))
        for topic in topics if self.random.random() < 0.8 else topics[:1]:
            behind = owned.task.merge.inputs[topic].fetched + 3
            if behind < self.arrived[topic] and self.random.random() < 0.1:
                owned.deliver(self.some(topic, behind))
            owned.deliver(self.some(topic, owned.task.merge.inputs[topic].fetched))

    def some(self, topic: str, start: int) -> Run:
        """What a fetch of a few offsets gives."""
        return self.cut(topic, start, start + self.random.randint(1, 14))

    def cut(self, topic: str, start: int, end: int) -> Run:
        """What a fetch of `[start, end)` gives."""
        partition = self.log.partition(topic)
        stable = min(partition.stable, self.arrived[topic])
        end = min(end, stable)
        return Run(topic, start, end, stable, partition.read(start, end))
