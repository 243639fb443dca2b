"""From raw records to a stage's records, and from what it emits to messages for Kafka."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from schemas import reject as rejecting
from schemas import rekeyed as rekeying
from schemas.decode import Decode
from schemas.fields import fields_of
from schemas.kafka_time import EARLIEST_MS
from schemas.reject import Reason, Reject
from streams.passing import Origin, PassedEvent
from streams.pipeline import Begin
from streams.runtime.partition import partition_of
from streams.runtime.raw import Raw
from streams.stage import Emitted, Output, Record, Refused, Rekeyed, Role

Headers = list[tuple[str, bytes]]

_PASSED = Role.PASSED  # looked up once: that of an enumeration costs as much as a call


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One input topic of a stage. `key_field` names the field that the record's key must equal; None for our own.

    Where the role is `PASSED`, each value says its own. `begin` says where a partition begins that nobody has folded
    yet; `cure` what a definition can say of records that lie elsewhere than their key field says.
    """

    role: Role
    topic: str
    decode: Decode
    key_field: str | None = None
    begin: Begin = "earliest"
    cure: str | None = None

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
            _check_place(source, raw, fields_of(value)[source.key_field], partitions)
    except Reject as reject:
        value = reject
    role = source.role
    if role is _PASSED and not isinstance(value, Reject):
        role = value.role
    return Record(role, raw.topic, raw.partition, raw.offset, raw.timestamp, raw.key, value, raw.value)


def _check_place(source: Source, raw: Raw, entity: object, partitions: int) -> None:
    """An event and its label meet only where both stand under the same key in the partition of that key."""
    expected = str(entity).encode()
    if raw.key != expected:
        message = f"the key is {raw.key!r}, the value says {expected!r}"
        raise Reject(Reason.WRONG_KEY, f"{message}: key it by {source.key_field} in the producer{_or_cure(source)}")
    right = partition_of(expected, partitions) if partitions > 1 else 0
    if right != raw.partition:
        message = f"key {expected!r} belongs to partition {right} (murmur2), not {raw.partition}"
        cure = f"set partitioner=murmur2_random in the producer{_or_cure(source)}"
        raise Reject(Reason.WRONG_PARTITION, f"{message}: {cure}")


def _or_cure(source: Source) -> str:
    return f", or write {source.cure} in the definition" if source.cure is not None else ""


class Anew(NamedTuple):
    """Where a stage sends what it keys anew, and how many partitions that topic has, as all topics behind it have."""

    topic: str
    partitions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """Encodes what a stage emits: `values` by the last part of the topic's name, each with the topic itself.

    Those of `rekeyed` lie in the partition of their key, of as many as it says; the others in that of the task.
    With `anew` the stage keys its input anew, which has a number of partitions of its own.
    """

    stage: str
    values: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], bytes]]]
    rejected: str
    rekeyed: Mapping[str, int] = field(default_factory=dict)
    anew: Anew | None = None

    def encode(self, emitted: Sequence[Emitted], raws: Sequence[Raw]) -> list[Message]:
        """Messages in the order of `emitted`; `raws` are the records that were folded."""
        values, rekeyed = self.values, self.rekeyed
        messages: list[Message] = []
        places: dict[tuple[str, int], Raw] = {}
        for each in emitted:
            if isinstance(each, Output):
                said = each.value
                topic, encode_value = values[said.TOPIC]
                partitions = rekeyed.get(said.TOPIC) if rekeyed else None
                partition = None if partitions is None else partition_of(each.key, partitions)
                value, time_ms = encode_value(said.__dict__), each.timestamp_ms or EARLIEST_MS
                messages.append(Message(topic, each.key, value, time_ms, [], partition))
            else:
                places = places or {(raw.topic, raw.offset): raw for raw in raws}
                raw = places[each.record.topic, each.record.offset]
                messages.append(self._rejected(each, raw) if isinstance(each, Refused) else self._moved(each, raw))
        return messages

    def _moved(self, rekeyed: Rekeyed, raw: Raw) -> Message:
        """The record as it came, under its new key, with headers that say where it stood and under which."""
        assert self.anew is not None
        topic, partitions = self.anew
        came = [(name, value) for name, value in raw.headers if not name.startswith(rekeying.HEADER_PREFIX)]
        told = [(rekeying.HEADER_FROM, f"{raw.topic}/{raw.partition}@{raw.offset}".encode())]
        told += [(rekeying.HEADER_KEY, raw.key)] if raw.key is not None else []
        partition = partition_of(rekeyed.key, partitions)
        return Message(topic, rekeyed.key, raw.value, raw.timestamp or EARLIEST_MS, [*came, *told], partition)

    def _rejected(self, refused: Refused, raw: Raw) -> Message:
        """The record as it came, with headers that say where it stood and why it was rejected.

        Of one that another stage has passed on: as it came to the first.
        """
        record, reject = refused
        if isinstance(record.value, PassedEvent):
            origin = record.value.origin
            before: Sequence[tuple[str, bytes]] = ()
        else:
            origin, before = Origin(record.topic, record.partition, record.offset, raw.key, raw.value), raw.headers
        headers = {
            rejecting.HEADER_STAGE: self.stage,
            rejecting.HEADER_TOPIC: origin.topic,
            rejecting.HEADER_PARTITION: origin.partition,
            rejecting.HEADER_OFFSET: origin.offset,
            rejecting.HEADER_TIMESTAMP_MS: record.timestamp_ms,
            rejecting.HEADER_REASON: reject.reason,
            rejecting.HEADER_MESSAGE: reject.message[: rejecting.LONGEST],
        }
        told = [(name, str(value).encode()) for name, value in headers.items()]
        partition = None if self.anew is None else record.partition % self.anew.partitions
        time_ms, sent = record.timestamp_ms or EARLIEST_MS, [*before, *told]
        return Message(self.rejected, origin.key, origin.value, time_ms, sent, partition)
