"""Where the sink takes up a partition: what its group committed, and the intent that was left open there."""

from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from consumers.intent import Intent, intent_of
from consumers.kafka import WITHIN_S, Place, passes
from schemas.problem import Outage, Problem


class Start(NamedTuple):
    """A partition that was assigned, the offset to read from, and the intent that goes first."""

    place: Place
    offset: int
    intent: Intent | None


def starts(consumer: Consumer, partitions: Sequence[TopicPartition]) -> list[Start]:
    """Where to take up each of `partitions`; their beginning where the group has committed nothing.

    Raises `Outage` where Kafka does not tell now, and `Problem` where it never will or where rows could be doubled.
    """
    try:
        committed = consumer.committed(list(partitions), timeout=WITHIN_S) if partitions else []
        for found in committed:
            if found.error is not None:
                raise _untold(found.error)
        return [_start(consumer, found) for found in committed]
    except KafkaException as failed:
        raise _untold(failed.args[0]) from failed


def _start(consumer: Consumer, found: TopicPartition) -> Start:
    place = (found.topic, found.partition)
    if found.offset == OFFSET_INVALID:
        return Start(place, _ends(consumer, place)[0], None)
    where = f"{found.topic}[{found.partition}]"
    intent = intent_of(found.metadata, offset=found.offset, where=where)
    if intent is not None and (end := _ends(consumer, place)[1]) < intent.end:
        raise Problem(
            f"{where} ends at {end}, before the {intent.end} that was read of it once: records were lost or the topic "
            "was made anew; set the group's offset by hand to where its rows in ClickHouse end"
        )
    return Start(place, found.offset, intent)


def _ends(consumer: Consumer, place: Place) -> tuple[int, int]:
    """The first offset and the end of a partition, as they are now."""
    low, high = consumer.get_watermark_offsets(TopicPartition(*place), timeout=WITHIN_S)
    return int(low), int(high)


def _untold(error: KafkaError) -> Problem:
    told = f"Kafka does not tell the sink's offsets ({error.str()})"
    if passes(error):
        return Outage(f"{told}: start again when it does")
    return Problem(f"{told}: check what its user may do with the group")
