"""The reference pipeline: card payments scored as they happen, taught by chargebacks that come days later.

Its features are those of the handbook of card fraud (Le Borgne, Siblini, Lebichot and Bontempi, Reproducible Machine
Learning for Credit Card Fraud Detection, 2022): per customer how many payments and their mean amount, per terminal how
many and how many of them were fraud, over windows that ended seven days before, as a label takes so long.
"""

from river.linear_model import LogisticRegression
from river.optim import SGD
from river.preprocessing import StandardScaler

from schemas.payment import Chargeback, Payment
from streams import Derived, Field, Labels, Monitor, Pipeline, per
from streams.feature import Feature
from streams.pipeline import Learning

SATURDAY = 5
MORNING = 6
SPANS = ("1d", "7d", "30d")
DELAY = "7d"


def is_night(payment: Payment) -> bool:
    """Before seven, UTC: the handbook's night has seven hours."""
    return payment.occurred_at.hour <= MORNING


def is_weekend(payment: Payment) -> bool:
    """Saturday or Sunday, UTC."""
    return payment.occurred_at.weekday() >= SATURDAY


CUSTOMERS: list[Feature] = [
    Field("amount"),
    Derived("weekend", is_weekend),
    Derived("night", is_night),
    per("customer_id").over(*SPANS).count().mean("amount"),
]
TERMINALS: list[Feature] = [per("terminal_id").over(*SPANS, delay=DELAY).count().rate("label")]


def of_payments(
    name: str,
    features: list[Feature],
    *,
    rate: float,
    requests: bool = False,
    learning: Learning = "inline",
    monitor: Monitor | None = None,
) -> Pipeline:
    """These features of payments, taught by their chargebacks to a logistic regression at this learning rate."""
    return Pipeline(
        name=name,
        event=Payment,
        id="transaction_id",
        time="occurred_at",
        labels=Labels(Chargeback, id="transaction_id", field="fraud", time="reported_at", task="binary", horizon="30d"),
        features=features,
        model=lambda: StandardScaler() | LogisticRegression(optimizer=SGD(rate)),
        requests=requests,
        learning=learning,
        monitor=monitor,
    )


WEEKLY = Monitor(reference="7d")
"""Weekdays differ: with one day of reference every weekend would be a drift."""

payments = of_payments("payments", [*CUSTOMERS, *TERMINALS], rate=0.01, requests=True, monitor=WEEKLY)

spread = of_payments(
    "payments", [*CUSTOMERS, *TERMINALS], rate=0.01, learning="inline_per_partition", requests=True, monitor=WEEKLY
)
"""The same on topics of several partitions: a stage per entity, a model per partition."""

customers = of_payments("customers", CUSTOMERS, rate=0.01, requests=True, monitor=WEEKLY)
"""Of one entity, so that it may have several partitions: what is benchmarked."""
