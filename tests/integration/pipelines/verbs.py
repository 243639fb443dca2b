"""Every kind of feature there is: of one entity, and of two, on one partition and on several."""

from collections.abc import Sequence

from river.linear_model import LogisticRegression
from river.preprocessing import StandardScaler

from schemas.payment import Chargeback, Payment
from streams import Derived, Field, Labels, Pipeline, per
from streams.feature import Feature


def dear(payment: Payment) -> bool:
    """Whether it is for much."""
    return payment.amount > 50


CUSTOMER: list[Feature] = [
    Field("amount"),
    Derived("night", lambda payment: payment.occurred_at.hour < 6),
    per("customer_id").over("1h", "1d").count().sum("amount").mean("amount").variance("amount"),
    per("customer_id").over("1h", "1d").min("amount").max("amount").rate("label"),
    per("customer_id").over("6h").last("amount", default=-1.0).since(default=-1.0),
    per("customer_id").over("1h", "1d").quantile("amount", "0.9").distinct("terminal_id"),
    per("customer_id").over("1d", itself=False, where=dear).count().mean("amount", default=0.0),
    per("customer_id").over("12h", tile="30m").count().mean("amount", default=0.0).variance("amount", default=0.0),
    per("customer_id").over("12h", tile="30m").quantile("amount", "0.5", default=0.0).distinct("terminal_id"),
    per("customer_id").decayed("3h").mean("amount"),
    per("customer_id").over("6h", delay="2h").count().mean("amount", default=0.0).rate("label", among="labelled"),
    Derived("ratio", lambda one, mean: one / mean, of=("amount", "customer_id.amount.mean.1d"), default=1.0),
]
TERMINAL: list[Feature] = [
    per("terminal_id").over("1h", "12h", delay="2h").count().rate("label").max("amount", default=0.0),
    per("terminal_id").over("6h", delay="2h").last("amount", default=-1.0),
    per("terminal_id").over("6h", delay="2h", tile="1h").rate("label"),
    per().over("1h").count().sum("amount"),
    per().over("12h", tile="1h").quantile("amount", "0.99", default=0.0).distinct("customer_id"),
]


def _pipeline(name: str, features: Sequence[Feature], *, several: bool) -> Pipeline:
    return Pipeline(
        name=name,
        event=Payment,
        id="transaction_id",
        time="occurred_at",
        labels=Labels(Chargeback, id="transaction_id", field="fraud", time="reported_at", task="binary", horizon="30d"),
        features=features,
        model=lambda: StandardScaler() | LogisticRegression(),
        learning="inline_per_partition" if several else "inline",
        lateness="3h",
    )


one = _pipeline("one", [*CUSTOMER, *TERMINAL], several=False)
four = _pipeline("four", CUSTOMER, several=True)
staged = _pipeline("staged", [*CUSTOMER, *TERMINAL], several=True)
