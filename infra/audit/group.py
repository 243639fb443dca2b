"""The consumer group of a stage: its state, and which member has which partition."""

from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public names, re-exported without saying so
    AdminClient,
    ConsumerGroupDescription,
)

from consumers.kafka import patiently
from streams.runtime.kafka import TIMEOUT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One worker's process, with the numbers of the partitions that it has been assigned."""

    id: str
    name: str
    host: str
    partitions: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} at {self.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group as its coordinator sees it."""

    id: str
    state: str
    members: tuple[Member, ...]

    def owner(self, partition: int) -> Member | None:
        """Who has the partition."""
        return next((member for member in self.members if partition in member.partitions), None)


def group_of(admin: AdminClient, name: str) -> Group:
    """The group `name`; one that does not exist is `dead`. Raises as `patiently` does."""
    told = patiently(lambda: _described(admin, name), f"who is in group {name}")
    if told is None:
        return Group(id=name, state="dead", members=())
    members = tuple(
        Member(
            id=each.member_id,
            name=each.group_instance_id or each.client_id,
            host=each.host.lstrip("/"),
            partitions=tuple(sorted({place.partition for place in each.assignment.topic_partitions})),
        )
        for each in told.members
    )
    return Group(id=name, state=told.state.name.lower(), members=members)


def _described(admin: AdminClient, name: str) -> ConsumerGroupDescription | None:
    asked = admin.describe_consumer_groups([name], request_timeout=TIMEOUT_S)[name]
    try:
        found: ConsumerGroupDescription = asked.result()
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return None
        raise
    return found
