"""The alert: what a monitor found, with its evidence."""

from typing import ClassVar

from pydantic import Field

from schemas.message import Message


class Alert(Message):
    """One finding of one monitor about one subject."""

    TOPIC: ClassVar[str] = "alerts"

    pipeline: str
    version: int
    monitor: str = Field(description="which monitor found it: `stability`, `adwin`, `diverged` …")
    subject: str = Field(description="feature name, `error`, `score`, `model`")
    partition: int
    event_time_ms: int = Field(description="event time at which it was found")
    window_start_ms: int = Field(
        description="start of the window that shows it; equal to event_time_ms for point alerts"
    )
    window_end_ms: int
    value: float = Field(description="the statistic that crossed the threshold")
    threshold: float
    evidence: str = Field(description="one sentence for the person who is woken")
