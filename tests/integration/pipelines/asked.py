"""Payments with windows and labels that come an hour later, which may be asked about before they come."""

from collections.abc import Sequence

from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from schemas.payment import Chargeback, Payment
from streams import Field, Labels, Pipeline, per
from streams.feature import Feature

CUSTOMER: list[Feature] = [Field("amount"), per("customer_id").over("1h", "1d").count().mean("amount")]
TERMINAL: list[Feature] = [per("terminal_id").over("1d", delay="1h").rate("label").distinct("customer_id")]


def _pipeline(name: str, features: Sequence[Feature]) -> Pipeline:
    return Pipeline(
        name=name,
        event=Payment,
        id="transaction_id",
        time="occurred_at",
        labels=Labels(Chargeback, id="transaction_id", field="fraud", time="reported_at", task="binary"),
        features=features,
        model=lambda: StandardScaler() | LogisticRegression(),
        learning="inline_per_partition",
        requests=True,
    )


asked = _pipeline("asked", CUSTOMER)
asked_twice = _pipeline("asked_twice", [*CUSTOMER, *TERMINAL])
"""In two stages."""
