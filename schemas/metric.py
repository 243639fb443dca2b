"""The metric: mergeable statistics of one subject in one window of event time, in one partition."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.message import Message


class Metric(Message):
    """Statistics of `subject` over `[window_start_ms, window_end_ms)` of event time.

    Counts, sums and bins of several partitions are added; quality is computed from the bins when read, never averaged.
    A later `revision` of the same window and subject replaces the earlier one.
    """

    TOPIC: ClassVar[str] = "metrics"

    pipeline: str
    version: int
    kind: Literal["feature", "score", "quality", "error"]
    subject: str = Field(description="feature name, `score`, or `quality`")
    partition: int = Field(description="the partition whose records were folded")
    window_start_ms: int
    window_end_ms: int
    revision: int = Field(description="0 for the first statement about the window, then counted up")
    count: int = Field(description="values in the window, missing ones left out")
    missing: int = Field(description="values that were absent; for quality: events still without a label")
    values: dict[str, float] = Field(description="named statistics: mean, variance, min, max, distance, log_loss_sum …")
    edges: list[float] = Field(description="histogram edges, one more than there are bins; empty without histogram")
    bins: list[int] = Field(description="counts per bin; for quality: negatives, then positives, per score bin")
    sketch: bytes | None = Field(
        description="serialised quantile sketch (t-digest of Apache DataSketches), null without one"
    )
