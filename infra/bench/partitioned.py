"""The benchmarked pipeline with a model for each partition, so that several workers may share it."""

from infra.pipelines.payments import CUSTOMERS
from infra.pipelines.payments import customers as one
from streams import Pipeline

customers = Pipeline(
    name="customers",
    event=one.event,
    id="transaction_id",
    time="occurred_at",
    labels=one.labels,
    features=CUSTOMERS,
    model=one.model,
    learning="inline_per_partition",
)
