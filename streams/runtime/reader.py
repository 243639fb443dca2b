"""Reads a stretch of a log again, from the beginning of a task to where it has committed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.problem import Outage, Problem
from streams.runtime.raw import Run

Headers = Sequence[tuple[str, bytes]]

CHUNK = 2_000
FILL_S = 0.02
"""How long a chunk is filled: `consume` waits for the last record of a chunk, also behind the end of the log."""

AT_END_MS = 10
"""How long the broker waits for more before it says that a log ends here; its own 500 ms are for who follows a log."""

SILENCE_S = 30.0
AWAY = (KafkaError._ALL_BROKERS_DOWN, KafkaError._TRANSPORT, KafkaError._TIMED_OUT)


class Reread(NamedTuple):
    """A record that was read before; a `Raw`."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def reread(
    kafka: Mapping[str, object], topic: str, partition: int, start: int, end: int | None = None
) -> Iterator[Run]:
    """The committed records in `[start, end)`, in runs; the last run ends at `end` exactly, without one at the log's.

    Raises `Problem` where the log falls silent before `end`, or no longer holds `start`.
    """
    if end is not None and start >= end:
        yield Run(topic, start, end, end, [])
        return
    consumer = Consumer(
        {
            **kafka,
            "group.id": "millrace.reread",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": AT_END_MS,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, partition, start)])
        position = start
        while end is None or position < end:
            records, ended = _chunk(consumer, topic, end)
            after = records[-1].offset + 1 if records else position
            if ended and end is not None:
                after = max(after, end)
            yield Run(topic, position, after, end, records)
            position = after
            if ended and end is None:
                return
    finally:
        consumer.close()


def _chunk(consumer: Consumer, topic: str, end: int | None) -> tuple[list[Reread], bool]:
    """The next records before `end`, and whether the end of the partition was met."""
    records: list[Reread] = []
    messages = consumer.consume(CHUNK, timeout=FILL_S) or consumer.consume(1, timeout=SILENCE_S)
    if not messages:
        raise Outage(f"{topic} fell silent while its state was rebuilt: check the broker and start again")
    for message in messages:
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                return records, True
            if error.retriable() or error.code() in AWAY:
                raise Outage(f"{topic} cannot be read at the moment ({error.str()}): check the broker")
            raise Problem(f"{topic} cannot be read again ({error.str()}): its state cannot be rebuilt")
        offset = cast(int, message.offset())
        if end is not None and offset >= end:
            return records, True
        records.append(
            Reread(
                topic,
                cast(int, message.partition()),
                offset,
                message.timestamp()[1],
                message.key(),
                message.value(),
                cast("Headers", message.headers() or []),
            )
        )
    return records, False
