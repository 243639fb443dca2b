"""A score stage over card taps on a log in memory: fed, folded batch by batch, audited."""

from dataclasses import dataclass, field
from typing import Any

from schemas.avro import avro_schema, encoder
from streams.runtime.audit import Auditor
from streams.runtime.bind import bind
from streams.runtime.findings import Audit
from streams.runtime.ledger import Signer
from streams.runtime.owner import Owner
from streams.runtime.task import Binding
from tests.schemas.in_process import InProcess
from tests.simulation.client import Client
from tests.simulation.faults import Plan
from tests.simulation.log import Log
from tests.simulation.partition import Partition
from tests.streams.builders import EVENTS, LABELS, Finding, Tap, pipeline
from tests.streams.runtime.logs import Stored

REGISTRY = InProcess()
TAP = encoder(avro_schema(Tap), REGISTRY.register(EVENTS, avro_schema(Tap)))
FINDING = encoder(avro_schema(Finding), REGISTRY.register(LABELS, avro_schema(Finding)))
LEDGER, STATE = "taps.v1.score.ledger", "taps.v1.score.state"
OUTPUTS = ("taps.scored", "taps.outcomes", "taps.alerts", "taps.rejected")
START_MS = 1_000
EACH = 12
"""Taps that arrive before each batch; every third has a finding, the first of each is no tap at all."""


def binding() -> Binding:
    return bind(pipeline(), "score", prefix="", registry=REGISTRY, partitions=1)


@dataclass
class Taps:
    """The log, and the stage on it."""

    log: Log = field(default_factory=Log)
    binding: Binding = field(default_factory=binding)
    signer: Signer | None = None
    sent: int = 0

    def __post_init__(self) -> None:
        for topic in (EVENTS, LABELS, LEDGER, STATE, *OUTPUTS):
            self.log.create(topic, topic)

    @property
    def kafka(self) -> Client:
        return Client(self.log, Plan())

    def owner(self, **changed: Any) -> Owner:
        return Owner(**{"binding": self.binding, "kafka": self.kafka, "signer": self.signer, "clock": float, **changed})

    def arrive(self) -> None:
        """What stands on the inputs before the next batch; the finding of a tap comes a batch later, behind others."""
        poison = Stored(EVENTS, 0, START_MS + self.sent, b"a", b"nonsense")
        taps = [poison, *(_tap(self.sent + n) for n in range(EACH))]
        self.log.append(EVENTS, taps)
        self.log.append(LABELS, [_finding(self.sent + n - EACH) for n in range(0, EACH, 3) if self.sent])
        self.sent += EACH

    def fold(self, batches: int, *, save_after: int | None = None, **changed: Any) -> None:
        """Own the partition, fold so many batches of what arrives, and let go of it."""
        kafka, owned = self.kafka, self.owner(**changed).own(0)
        for batch in range(batches):
            self.arrive()
            for topic in self.binding.topics:
                position = owned.task.merge.inputs[topic].fetched
                for run in kafka.read(topic, 0, position):
                    assert owned.deliver(run)
            assert owned.advance()
            if batch == save_after:
                owned.save()
        owned.close()

    def audit(self, **changed: Any) -> Audit:
        return self.auditor(**changed).audit(0)

    def auditor(self, **changed: Any) -> Auditor:
        return Auditor(**{"binding": self.binding, "kafka": self.kafka, "signer": self.signer, **changed})

    def change(self, topic: str, number: int, **changed: Any) -> None:
        """Make the `number`th record of a topic another one."""
        slots = self._records(topic)
        at = slots[number]
        found = self.log.partition(topic)
        found.slots = [s if s.offset != at else _changed(s, changed) for s in found.slots]

    def cut(self, topic: str, number: int) -> None:
        """Take the `number`th record of a topic out."""
        at, found = self._records(topic)[number], self.log.partition(topic)
        found.slots = [slot for slot in found.slots if slot.offset != at]

    def values(self, topic: str) -> list[bytes]:
        return [record.value for record in _read(self.log.partition(topic)) if record.value is not None]

    def _records(self, topic: str) -> list[int]:
        return [record.offset for record in _read(self.log.partition(topic))]


def _read(partition: Partition) -> list[Stored]:
    return partition.read(0, partition.high)


def _changed(slot: Any, changed: dict[str, Any]) -> Any:
    return type(slot)(slot.offset, slot.record._replace(**changed), slot.fate)


def _tap(number: int) -> Stored:
    at_ms, card = START_MS + number, "abc"[number % 3]
    value = TAP(Tap(tap_id=str(number), at_ms=at_ms, card=card, amount=number / 7).model_dump())
    return Stored(EVENTS, 0, at_ms, card.encode(), value)


def _finding(number: int) -> Stored:
    known_ms, card = START_MS + number + EACH, "abc"[number % 3]
    value = FINDING(Finding(tap_id=str(number), known_ms=known_ms, card=card, fraud=number % 2 == 0).model_dump())
    return Stored(LABELS, 0, known_ms, card.encode(), value)
