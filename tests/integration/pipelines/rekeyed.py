"""Payments and chargebacks whose topics are keyed by anything: by nothing, by the terminal, by the day."""

from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from schemas.payment import Chargeback, Payment
from streams import Derived, Field, Labels, Pipeline, per

rekeyed = Pipeline(
    name="rekeyed",
    event=Payment,
    id="transaction_id",
    time="occurred_at",
    labels=Labels(Chargeback, id="transaction_id", field="fraud", time="reported_at", task="binary", horizon="30d"),
    features=[
        Field("amount"),
        Derived("night", lambda payment: payment.occurred_at.hour < 6),
        per("customer_id").over("1h", "1d").count().mean("amount").rate("label"),
        per("terminal_id").over("12h").count().rate("label"),
    ],
    model=lambda: StandardScaler() | LogisticRegression(),
    learning="inline_per_partition",
    lateness="2d",
    rekey=("events", "labels"),
    requests=True,
)
