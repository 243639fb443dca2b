"""How far consumer groups are behind the ends of what they read, as Kafka itself tells."""

from collections.abc import Sequence
from functools import partial
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from consumers.kafka import ends, patiently
from infra.settings import Settings, librdkafka

ASK_WITHIN_S = 5.0


class Lag:
    """Of one group, inside a `with`.

    Asked by a consumer that never joins: librdkafka 2.16's admin client crashes the process when it asks for a group's
    offsets while its coordinator is still loading.
    """

    def __init__(self, settings: Settings, group: str, topics: Sequence[str]) -> None:
        self._kafka, self._group, self._topics = librdkafka(settings), group, topics
        self._consumer = Consumer({**self._kafka, "group.id": group, "enable.auto.commit": False, "log_level": 0})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._consumer.close()

    def records(self) -> int:
        """Positions that the group has not committed yet, transaction markers included.

        Raises `Problem` where Kafka does not tell in time.
        """
        open_ends = ends(self._kafka, self._topics)
        places = [TopicPartition(*place) for place in open_ends]
        ask = partial(self._consumer.committed, places, timeout=ASK_WITHIN_S)
        committed = patiently(ask, f"where {self._group} stands")
        return sum(open_ends[one.topic, one.partition] - max(one.offset, 0) for one in committed)
