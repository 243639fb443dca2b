"""The place of one task in Kafka: its producer, its committed offsets, its ledger and its saved state."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from streams.runtime.ledger import Named
from streams.runtime.ports import Kafka, Mark, Transactions
from streams.runtime.recovery import Beside, records
from streams.runtime.task import Binding


@dataclass(frozen=True, slots=True)
class Seat:
    """What a task of `binding` needs of Kafka, with its own names put in."""

    binding: Binding
    kafka: Kafka
    named: Named

    @property
    def partition(self) -> int:
        return self.named.partition

    def transactions(self) -> Transactions:
        """A producer that fences every earlier one of this task."""
        name = f"{self.binding.transactional_id}.{self.partition}"
        return self.kafka.transactions(name, self.binding.group, self.partition)

    def marks(self) -> dict[str, Mark | None]:
        """What is committed of its inputs."""
        return self.kafka.committed(self.binding.group, self.binding.topics, self.partition)

    def ledger_bounds(self) -> tuple[int, int]:
        """The first offset of its ledger that is still there, and the next one."""
        return self.kafka.bounds(self.binding.ledger.topic, self.partition)

    def saved(self) -> Iterator[tuple[bytes, bytes | None]]:
        """Key and value of every record of its saved state."""
        return records(self.kafka, self.binding.state_topic, self.partition)


def positions(ends: Mapping[str, int], told: Beside) -> dict[str, Mark]:
    """What to commit: the positions, with the same words beside each."""
    metadata = msgspec.json.encode(told).decode()
    return {topic: Mark(end, metadata) for topic, end in ends.items()}
