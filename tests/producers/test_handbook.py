"""The handbook's card payments, where they lie beside the repository, read and told as a user would."""

from itertools import islice
from pathlib import Path

import pytest

from producers.files import EventFile
from producers.known import Kind
from producers.recording import Truth, tell
from schemas.duration import duration_ms
from schemas.payment import Chargeback, Payment

FILE = Path(__file__).parents[3] / "shared" / "data" / "payments-2018-04-to-07.parquet"
ROWS = 150_000


@pytest.mark.skipif(
    not FILE.is_file(), reason=f"the evaluation data is not there: {FILE.name} belongs in ../shared/data"
)
def test_payments_of_numbers_are_told_as_text_with_their_labels_a_week_later() -> None:
    truth = Truth(
        label=Chargeback,
        id="transaction_id",
        field="fraud",
        time="reported_at",
        event_id="transaction_id",
        event_time="occurred_at",
        key="customer_id",
        label_key="customer_id",
        delay_ms=duration_ms("7d"),
    )
    file = EventFile(FILE, Payment, time="occurred_at", label_field="fraud")
    told = list(islice(tell(file.events(), truth, FILE), ROWS))
    events = [known for known in told if known.kind is Kind.EVENT]
    labels = [known for known in told if known.kind is Kind.LABEL]

    assert getattr(events[0].record, "transaction_id") == "0"  # noqa: B009
    assert [getattr(label.record, "transaction_id") for label in labels[:3]] == ["0", "1", "2"]  # noqa: B009
    assert told == sorted(told, key=lambda known: known.time_ms)
    assert labels[0].time_ms - events[0].time_ms == duration_ms("7d")
