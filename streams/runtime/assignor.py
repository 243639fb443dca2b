"""Which worker gets which partitions: by number, so that partition p of all inputs lands together."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import msgspec
from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


class ByNumber(AbstractPartitionAssignor):  # type: ignore[misc]  # aiokafka is untyped here
    """Partition number p of every topic goes to member p modulo their number, members in order of their ids.

    A member may say at which `address` it is asked; each learns those of all with its share.
    """

    name = "millrace-by-number"
    version = 0
    address: ClassVar[str] = ""
    addresses: ClassVar[Sequence[str]] = ()
    """Of all members in the order of their ids, empty where one has none."""

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Each member's share of the topics that the members subscribe to (they all subscribe to the same)."""
        topics = sorted({topic for metadata in members.values() for topic in metadata.subscription})
        partitions = {topic: sorted(cluster.partitions_for_topic(topic) or ()) for topic in topics}
        addresses = [members[member].user_data.decode() for member in sorted(members)]
        told = msgspec.json.encode(addresses) if any(addresses) else b""
        return {
            member: ConsumerProtocolMemberAssignment(
                cls.version,
                [(topic, [p for p in partitions[topic] if p % len(members) == place]) for topic in topics],
                told,
            )
            for place, member in enumerate(sorted(members))
        }

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """What a member says of itself: its topics, and its address."""
        return ConsumerProtocolMemberMetadata(cls.version, sorted(topics), cls.address.encode())

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Remember who is asked where."""
        cls.addresses = msgspec.json.decode(assignment.user_data or b"[]", type=list[str])

    @classmethod
    def address_of(cls, partition: int) -> str | None:
        """Where the member with this partition is asked; None where that is not known."""
        return (cls.addresses[partition % len(cls.addresses)] or None) if cls.addresses else None


def by_number(address: str) -> type[ByNumber]:
    """The assignor of one member, which is asked at `address`; empty: nowhere."""
    return type("ByNumberAt", (ByNumber,), {"address": address})
