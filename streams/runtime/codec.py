"""From raw records to a stage's records, and from what it emits to messages for Kafka."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas import reject as rejecting
from schemas.decode import Decode
from schemas.reject import Reason, Reject
from streams.passing import Origin, PassedEvent
from streams.runtime.partition import partition_of
from streams.runtime.raw import Raw
from streams.stage import Emitted, Output, Record, Refused, Role

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One input topic of a stage. `key_field` names the field that the record's key must equal; None for our own.

    Where the role is `PASSED`, each value says its own.
    """

    role: Role
    topic: str
    decode: Decode
    key_field: str | None = None

    @property
    def roles(self) -> tuple[Role, ...]:
        """Those that its records have."""
        return (Role.EVENTS, Role.LABELS) if self.role is Role.PASSED else (self.role,)


class Message(NamedTuple):
    """One message for Kafka, encoded. `partition` follows from the key; None for that of the task."""

    topic: str
    key: bytes | None
    value: bytes | None
    timestamp_ms: int
    headers: Headers
    partition: int | None = None


def decode(source: Source, raw: Raw, partitions: int) -> Record:
    """The record with its decoded value, or with the reason why it has none."""
    value: Any
    try:
        value = source.decode(raw.value)
        if source.key_field is not None:
            _check_place(raw, getattr(value, source.key_field), partitions)
    except Reject as reject:
        value = reject
    role = source.role if source.role is not Role.PASSED or isinstance(value, Reject) else value.role
    return Record(role, raw.topic, raw.partition, raw.offset, raw.timestamp, raw.key, value, raw.value)


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
    """Encodes what a stage emits: `values` by the last part of the topic's name, each with the topic itself.

    Those of `rekeyed` lie in the partition of their key, of as many as it says; the others in that of the task.
    """

    stage: str
    values: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], bytes]]]
    rejected: str
    rekeyed: Mapping[str, int] = field(default_factory=dict)

    def encode(self, emitted: Sequence[Emitted], raws: Sequence[Raw]) -> list[Message]:
        """Messages in the order of `emitted`; `raws` are the records that were folded."""
        values, rekeyed = self.values, self.rekeyed
        messages: list[Message] = []
        for each in emitted:
            if isinstance(each, Output):
                topic, encode_value = values[each.value.TOPIC]
                value = encode_value(each.value.__dict__)
                partitions = rekeyed.get(each.value.TOPIC) if rekeyed else None
                partition = None if partitions is None else partition_of(each.key, partitions)
                messages.append(Message(topic, each.key, value, each.timestamp_ms, [], partition))
            else:
                messages.append(self._rejected(each, raws))
        return messages

    def _rejected(self, refused: Refused, raws: Sequence[Raw]) -> Message:
        """The record as it came, with headers that say where it stood and why it was rejected.

        Of one that another stage has passed on: as it came to the first.
        """
        record, reject = refused
        if isinstance(record.value, PassedEvent):
            origin = record.value.origin
            before: Sequence[tuple[str, bytes]] = ()
        else:
            raw = next(r for r in raws if r.offset == record.offset and r.topic == record.topic)
            origin, before = Origin(record.topic, record.partition, record.offset, raw.key, raw.value), raw.headers
        headers = {
            rejecting.HEADER_STAGE: self.stage,
            rejecting.HEADER_TOPIC: origin.topic,
            rejecting.HEADER_PARTITION: origin.partition,
            rejecting.HEADER_OFFSET: origin.offset,
            rejecting.HEADER_TIMESTAMP_MS: record.timestamp_ms,
            rejecting.HEADER_REASON: reject.reason,
            rejecting.HEADER_MESSAGE: reject.message,
        }
        told = [(name, str(value).encode()) for name, value in headers.items()]
        return Message(self.rejected, origin.key, origin.value, record.timestamp_ms, [*before, *told])
