"""The stream of all benches: payments without end and, so many payments later, the truth about each."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from producers.known import Kind

START = datetime(1980, 1, 1, tzinfo=UTC)
"""So early that hours at full speed do not come to today: Kafka takes no record from more than an hour ahead."""

START_MS = int(START.timestamp() * 1000)
STRIDE = 7_919
"""Customers come in strides of this prime, so that all of them come once before any comes again."""

FRAUD_EVERY = 97


class Sent(NamedTuple):
    """One record, not yet encoded: `fields` as Avro wants them, `time_ms` its Kafka time."""

    kind: Kind
    key: bytes
    fields: dict[str, Any]
    time_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Payment `n` happens `n` steps after the start; its label comes `label_after` payments later, 0: never.

    With the defaults a customer pays twice a day and the truth is known after a week. Neither clock nor chance: the
    same stream is the same records.

    >>> [sent.kind.value for sent in Stream(label_after=2).records(0, 4)]
    ['event', 'event', 'label', 'event', 'label', 'event']
    """

    keys: int = 1_000
    step_ms: int = 43_200
    label_after: int = 14_000

    def records(self, start: int, end: int) -> Iterator[Sent]:
        """Payments `start` to `end`, each after the label that becomes known with it."""
        for n in range(start, end):
            if self.label_after and n >= self.label_after:
                yield self._label(n - self.label_after, n)
            yield self._payment(n)

    def labels(self, end: int) -> int:
        """How many labels come with the first `end` payments."""
        return max(0, end - self.label_after) if self.label_after else 0

    @staticmethod
    def event_id(n: int) -> str:
        """The id of payment `n`."""
        return f"p{n:010d}"

    def _customer(self, n: int) -> str:
        return f"c{n * STRIDE % self.keys:07d}"

    def _payment(self, n: int) -> Sent:
        customer = self._customer(n)
        fields = {
            "transaction_id": self.event_id(n),
            "occurred_at": START + timedelta(milliseconds=n * self.step_ms),
            "customer_id": customer,
            "terminal_id": f"t{n % 1_511:05d}",
            "amount": (n * 2_654_435_761 % 10_000 + 100) / 100,
        }
        return Sent(Kind.EVENT, customer.encode(), fields, START_MS + n * self.step_ms)

    def _label(self, n: int, now: int) -> Sent:
        customer = self._customer(n)
        fields = {
            "transaction_id": self.event_id(n),
            "customer_id": customer,
            "fraud": n % FRAUD_EVERY == 0,
            "reported_at": START + timedelta(milliseconds=now * self.step_ms),
        }
        return Sent(Kind.LABEL, customer.encode(), fields, START_MS + now * self.step_ms)
