"""The scored event: what the model said of it, and what the model saw when it said so."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.message import Message

Rung = Literal["champion", "last_good", "baseline", "prior"]


class Scored(Message):
    """One event, scored once."""

    TOPIC: ClassVar[str] = "scored"

    event_id: str = Field(description="the event's id, as text")
    entities: dict[str, str] = Field(description="entity field -> its value as text")
    event_time_ms: int = Field(description="when it happened, milliseconds since the epoch, UTC")
    features: list[float] = Field(description="the vector that the model saw, in the order of the feature set")
    feature_set: str = Field(description="names the features and their order; see the table feature_sets")
    score: float = Field(description="probability of the positive class, predicted value, or anomaly score")
    predicted: str | None = Field(description="the predicted class; null for regression, anomalies and the prior")
    probabilities: dict[str, float] | None = Field(description="class -> probability, where the model gives them")
    model_id: str = Field(description="definition digest / labels learnt when it scored")
    rung: Rung = Field(description="who answered: the champion, or which fallback")
    explanation: dict[str, float] | None = Field(description="feature -> contribution, where asked for")
    source_topic: str = Field(description="where the event stood")
    source_partition: int
    source_offset: int
