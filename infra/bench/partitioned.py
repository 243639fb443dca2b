"""The benchmarked pipeline with a model for each partition, so that several workers may share it."""

from infra.pipelines.payments import CUSTOMERS, of_payments

customers = of_payments("customers", CUSTOMERS, rate=0.01, learning="inline_per_partition")
