"""The hand loop in transactions, and how its records are read: checked or not."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from confluent_kafka import Message
from pydantic import BaseModel, TypeAdapter

from infra.bench.hand_loop import CHUNK, FLUSH_S, WAIT_S, HandLoop


def validated(model: type[BaseModel]) -> Callable[[dict[str, Any]], Any]:
    """Reads a record as an instance of `model`, checked."""
    return TypeAdapter(model).validator.validate_python


def unvalidated(_: type[BaseModel]) -> Callable[[dict[str, Any]], Any]:
    """Reads a record as it came."""
    return lambda fields: SimpleNamespace(**fields)


class Transactional(HandLoop):
    """Commits as often as it can: what came while the last commit ran is one transaction."""

    commit_every = 1

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.producer.init_transactions(FLUSH_S)
        self.producer.begin_transaction()

    def delivery(self) -> dict[str, object]:
        """Without so short a back-off a transaction right behind another takes 100 ms."""
        return {"transactional.id": self.name, "retry.backoff.ms": 1}

    def fetch(self) -> list[Message]:
        """What is there, as soon as anything is."""
        first = self.consumer.consume(1, WAIT_S)
        return [*first, *self.consumer.consume(CHUNK - 1, 0)] if first else first

    def commit(self) -> None:
        """Outputs and positions at once; nothing is begun at the broker before the next output."""
        self.producer.send_offsets_to_transaction(self.positions(), self.consumer.consumer_group_metadata(), FLUSH_S)
        self.producer.commit_transaction(FLUSH_S)
        self.producer.begin_transaction()
        self.behind = 0
