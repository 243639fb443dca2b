"""Names of the topics and groups of a pipeline."""

import re
from dataclasses import dataclass

from schemas import reject
from schemas.alert import Alert
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.reply import REQUESTS_TOPIC, Reply
from schemas.scored import Scored


@dataclass(frozen=True, slots=True, kw_only=True)
class Topics:
    """Where a pipeline reads and writes.

    >>> Topics(pipeline="payments", prefix="eu.").scored
    'eu.payments.scored'
    """

    pipeline: str
    prefix: str = ""
    events_topic: str | None = None
    labels_topic: str | None = None

    def named(self, last: str) -> str:
        """The pipeline's topic whose name ends in `last`."""
        return f"{self.prefix}{self.pipeline}.{last}"

    @property
    def events(self) -> str:
        """Raw events; the user may name any existing topic."""
        return self.events_topic or self.named("events")

    @property
    def labels(self) -> str:
        """The truth, later; the user may name any existing topic."""
        return self.labels_topic or self.named("labels")

    @property
    def scored(self) -> str:
        return self.named(Scored.TOPIC)

    @property
    def outcomes(self) -> str:
        return self.named(Outcome.TOPIC)

    @property
    def metrics(self) -> str:
        return self.named(Metric.TOPIC)

    @property
    def alerts(self) -> str:
        return self.named(Alert.TOPIC)

    @property
    def rejected(self) -> str:
        return self.named(reject.TOPIC)

    @property
    def requests(self) -> str:
        """Events that are only asked about; there where the pipeline takes requests."""
        return self.named(REQUESTS_TOPIC)

    @property
    def replies(self) -> str:
        return self.named(Reply.TOPIC)

    @property
    def replayed(self) -> str:
        """Which rejected records have been replayed: ours alone, neither input nor output of a stage."""
        return self.named(reject.REPLAYED_TOPIC)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What Millrace writes and the sink reads."""
        return (self.scored, self.outcomes, self.metrics, self.alerts, self.rejected)

    def group(self, version: int, stage: str) -> str:
        """Consumer group of a stage; the version keeps a changed definition from taking over old offsets."""
        return f"{self.prefix}{self.pipeline}.v{version}.{stage}"

    @property
    def sink(self) -> str:
        """Consumer group of the sinks of all versions, whose outputs share topics: one goes on where another was."""
        return self.named("sink")

    def ledger(self, version: int, stage: str) -> str:
        """What a stage has done, batch by batch."""
        return f"{self.group(version, stage)}.ledger"

    def state(self, version: int, stage: str) -> str:
        """The state of a stage as it was saved last; compacted."""
        return f"{self.group(version, stage)}.state"

    def passed(self, version: int, stage: str) -> str:
        """What the stage before this one passes on to it."""
        return f"{self.group(version, stage)}.passed"

    def input(self, role: str) -> str:
        """Events or labels (`role`) as they come."""
        return self.events if role == "events" else self.labels

    def rekeyed(self, version: int, role: str) -> str:
        """The events or labels (`role`) as a stage has keyed them anew, for the first stage to read."""
        return f"{self.group(version, f'rekey_{role}')}.rekeyed"

    def input_of(self, topic: str) -> str:
        """The input that a record of `topic` came from: the topic itself, but for one that a stage has keyed anew.

        >>> topics = Topics(pipeline="payments", events_topic="raw")
        >>> topics.input_of(topics.rekeyed(3, "events")), topics.input_of("raw")
        ('raw', 'raw')
        """
        rekeyed = re.fullmatch(re.escape(self.named("v")) + r"\d+\.rekey_(events|labels)\.rekeyed", topic)
        return topic if rekeyed is None else self.input(rekeyed[1])

    def transactional_id(self, version: int, stage: str, partition: int) -> str:
        """Names the producer of one task, so that a new owner fences the former one."""
        return f"{self.group(version, stage)}.{partition}"
