"""Payments with windows and labels that come an hour later: all in one order, or a model per partition."""

from typing import Literal

from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from schemas.payment import Chargeback, Payment
from streams import Field, Labels, Pipeline, per


def _pipeline(name: str, learning: Literal["inline", "inline_per_partition"]) -> Pipeline:
    return Pipeline(
        name=name,
        event=Payment,
        id="transaction_id",
        time="occurred_at",
        labels=Labels(Chargeback, id="transaction_id", field="fraud", time="reported_at", task="binary"),
        features=[Field("amount"), per("customer_id").over("1h", "1d").count().mean("amount")],
        model=lambda: StandardScaler() | LogisticRegression(),
        learning=learning,
    )


till = _pipeline("till", "inline")
tills = _pipeline("tills", "inline_per_partition")
