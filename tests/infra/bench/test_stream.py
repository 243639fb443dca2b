"""The stream of the benches: the same records for everyone, and never ahead of the clock."""

import time

from infra.bench.benches import BENCHES
from infra.bench.soak import LONG
from infra.bench.stream import Stream

FASTEST_PER_S = 5_000
"""More payments a second than an hour of soak has ever offered."""


def test_an_hour_of_soak_does_not_come_to_today() -> None:
    """Kafka refuses a record whose time is more than an hour ahead."""
    end = round(LONG.minutes * 60 * FASTEST_PER_S)
    last = max(sent.time_ms for sent in LONG.stream.records(end, end + 1))

    assert BENCHES["soak"].measure(long=True) is not None
    assert last < time.time() * 1_000


def test_the_label_of_a_payment_comes_as_many_payments_later() -> None:
    payment, label, later = Stream(label_after=1).records(0, 2)

    assert label.fields["transaction_id"] == payment.fields["transaction_id"]
    assert label.time_ms == later.time_ms
