"""The answer to a score request: what would be said of an event, and from which state."""

from typing import ClassVar

from pydantic import Field

from schemas.message import Message
from schemas.scored import Rung

REQUESTS_TOPIC = "requests"
"""The last part of the topic of events that are only asked about: their class, key and partition are the events'."""

HEADER_REQUEST_ID = "millrace.request.id"
"""Names a request, and the reply to it; without it the id of the event does."""


class Reply(Message):
    """One event as it would be scored if it came next. Nothing is kept of it."""

    TOPIC: ClassVar[str] = "replies"

    request_id: str = Field(description="as the request says it, else the event's id")
    event_id: str = Field(description="the event's id, as text")
    entities: dict[str, str] = Field(description="entity field -> its value as text")
    event_time_ms: int = Field(description="when it happens, milliseconds since the epoch, UTC")
    features: dict[str, float] = Field(description="feature -> the value that the model saw, in their order")
    feature_set: str = Field(description="names the features and their order")
    score: float = Field(description="probability of the positive class, predicted value, or anomaly score")
    predicted: str | None = Field(description="the predicted class; null for regression, anomalies and the prior")
    probabilities: dict[str, float] | None = Field(description="class -> probability, where the model gives them")
    model_id: str = Field(description="definition digest / labels learnt when it answered")
    rung: Rung = Field(description="who answered: the champion, or which fallback")
    partition: int = Field(description="the partition of the event's key, whose state answered")
    positions: dict[str, int] = Field(description="input topic -> the offset up to which that state has folded it")
    ledger_seq: int = Field(description="the committed ledger entry whose state answered")
    watermark_ms: int = Field(description="the newest event time of that state, milliseconds since the epoch")
    earlier: dict[str, int] = Field(
        default={},
        description="stage -> the committed ledger entry whose state gave its windows, of the stages asked before",
    )
