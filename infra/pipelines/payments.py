"""The reference pipeline: card payments scored as they happen, taught by chargebacks that come days later."""

from river.linear_model import LogisticRegression
from river.optim import SGD
from river.preprocessing import StandardScaler

from schemas.payment import Chargeback, Payment
from streams import Derived, Field, Labels, Monitor, Pipeline, per

SATURDAY = 5
MORNING = 6


def is_night(payment: Payment) -> bool:
    """Between midnight and six, UTC."""
    return payment.occurred_at.hour < MORNING


def is_weekend(payment: Payment) -> bool:
    """Saturday or Sunday, UTC."""
    return payment.occurred_at.weekday() >= SATURDAY


payments = Pipeline(
    name="payments",
    event=Payment,
    id="transaction_id",
    time="occurred_at",
    labels=Labels(Chargeback, id="transaction_id", field="fraud", time="reported_at", task="binary", horizon="30d"),
    features=[
        Field("amount"),
        Derived("night", is_night),
        Derived("weekend", is_weekend),
        per("customer_id").over("1d", "7d", "30d").count().mean("amount"),
    ],
    model=lambda: StandardScaler() | LogisticRegression(optimizer=SGD(0.01)),
    monitor=Monitor(reference="7d"),  # weekdays differ, and with one day of reference every weekend would be a drift
)
