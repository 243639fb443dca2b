"""From raw records to a stage's records, and from what it emits to messages for Kafka."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from schemas import reject as rejecting
from schemas.decode import Decode
from schemas.reject import Reason, Reject
from streams.runtime.partition import partition_of
from streams.runtime.raw import Raw
from streams.stage import Emitted, Output, Record, Refused, Role

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One input topic of a stage. `key_field` names the field that the record's key must equal; None for our own."""

    role: Role
    topic: str
    decode: Decode
    key_field: str | None = None


class Message(NamedTuple):
    """One message for Kafka, encoded."""

    topic: str
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers


def decode(source: Source, raw: Raw, partitions: int) -> Record:
    """The record with its decoded value, or with the reason why it has none."""
    value: Any
    try:
        value = source.decode(raw.value)
        if source.key_field is not None:
            _check_place(raw, getattr(value, source.key_field), partitions)
    except Reject as reject:
        value = reject
    return Record(source.role, raw.topic, raw.partition, raw.offset, raw.timestamp, raw.key, value)


def _check_place(raw: Raw, entity: object, partitions: int) -> None:
    """An event and its label meet only where both stand under the same key in the partition of that key."""
    expected = str(entity).encode()
    if raw.key != expected:
        raise Reject(Reason.WRONG_KEY, f"the key is {raw.key!r}, the value says {expected!r}")
    right = partition_of(expected, partitions) if partitions > 1 else 0
    if right != raw.partition:
        message = f"key {expected!r} belongs to partition {right} (murmur2), not {raw.partition}"
        raise Reject(Reason.WRONG_PARTITION, f"{message}: set partitioner=murmur2_random in the producer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """Encodes what a stage emits: `values` by the last part of the topic's name, each with the topic itself."""

    stage: str
    values: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], bytes]]]
    rejected: str

    def encode(self, emitted: Sequence[Emitted], raws: Sequence[Raw]) -> list[Message]:
        """Messages in the order of `emitted`; `raws` are the records that were folded."""
        values = self.values
        messages: list[Message] = []
        for each in emitted:
            if isinstance(each, Output):
                topic, encode_value = values[each.value.TOPIC]
                value = encode_value(each.value.__dict__)
                messages.append(Message(topic, each.key, value, each.timestamp_ms, []))
            else:
                messages.append(self._rejected(each, raws))
        return messages

    def _rejected(self, refused: Refused, raws: Sequence[Raw]) -> Message:
        """The record as it came, with headers that say where it stood and why it was rejected."""
        record, reject = refused
        raw = next(r for r in raws if r.offset == record.offset and r.topic == record.topic)
        headers = {
            rejecting.HEADER_STAGE: self.stage,
            rejecting.HEADER_TOPIC: record.topic,
            rejecting.HEADER_PARTITION: record.partition,
            rejecting.HEADER_OFFSET: record.offset,
            rejecting.HEADER_TIMESTAMP_MS: record.timestamp_ms,
            rejecting.HEADER_REASON: reject.reason,
            rejecting.HEADER_MESSAGE: reject.message,
        }
        told = [(name, str(value).encode()) for name, value in headers.items()]
        return Message(self.rejected, raw.key, raw.value, record.timestamp_ms, [*raw.headers, *told])
