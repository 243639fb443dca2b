"""Payments of a shop on two partitions, one model each, watched hour by hour."""

from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from schemas.payment import Chargeback, Payment
from streams import Field, Labels, Monitor, Pipeline, per

shop = Pipeline(
    name="shop",
    event=Payment,
    id="transaction_id",
    time="occurred_at",
    labels=Labels(Chargeback, id="transaction_id", field="fraud", time="reported_at", task="binary"),
    features=[Field("amount"), per("customer_id").over("1h", "1d").count().mean("amount")],
    model=lambda: StandardScaler() | LogisticRegression(),
    learning="inline_per_partition",
    late="skip",
    monitor=Monitor(at_least=50, warmup="0ms"),
)
