"""Payments with windows and labels that come an hour later, which may be asked about before they come."""

from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from schemas.payment import Chargeback, Payment
from streams import Field, Labels, Pipeline, per

asked = Pipeline(
    name="asked",
    event=Payment,
    id="transaction_id",
    time="occurred_at",
    labels=Labels(Chargeback, id="transaction_id", field="fraud", time="reported_at", task="binary"),
    features=[Field("amount"), per("customer_id").over("1h", "1d").count().mean("amount")],
    model=lambda: StandardScaler() | LogisticRegression(),
    learning="inline_per_partition",
    requests=True,
)
