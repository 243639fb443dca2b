"""The stored examples of every message, and a registry that knows the schemas they were written with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
from pydantic import BaseModel

from schemas.alert import Alert
from schemas.ledger import Entry
from schemas.metric import Metric
from schemas.outcome import Outcome
from schemas.passed import Passed
from schemas.payment import Chargeback, Payment
from schemas.registry import Registry
from schemas.reply import Reply
from schemas.scored import Scored

DIRECTORY = Path(__file__).with_name("examples")
OWN = (Scored, Outcome, Metric, Alert, Entry, Reply, Passed)
CLASSES: Sequence[type[BaseModel]] = (*OWN, Payment, Chargeback)


class WrittenWith(Registry):
    """A registry that knows one schema, under every id."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.stored = schema
        self._parsed_schema = fastavro.parse_schema(schema)

    def writer(self, schema_id: int) -> Any:  # noqa: ARG002
        return self._parsed_schema


@dataclass(frozen=True, slots=True)
class Example:
    """One stored message: its class today, its bytes, its writer's schema, its fields as JSON."""

    name: str
    model: type[BaseModel]
    value: bytes
    registry: WrittenWith
    fields: dict[str, Any]


def examples() -> list[Example]:
    """Every stored Avro example, oldest generation first."""
    return [_example(path) for path in sorted(DIRECTORY.glob("v*/*.avro"))]


def _example(path: Path) -> Example:
    told = json.loads(path.with_suffix(".json").read_text())
    schema = json.loads(path.with_suffix(".avsc").read_text())
    model = next(each for each in CLASSES if each.__name__ == told["message"])
    return Example(f"{path.parent.name}/{path.stem}", model, path.read_bytes(), WrittenWith(schema), told["value"])
