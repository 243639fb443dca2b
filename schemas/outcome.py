"""The outcome: a scored event met by its label, with the vector that was scored."""

from typing import ClassVar

from pydantic import Field

from schemas.message import Message


class Outcome(Message):
    """One scored event and the truth about it: what training and every quality metric read."""

    TOPIC: ClassVar[str] = "outcomes"

    event_id: str = Field(description="the event's id, as text")
    entities: dict[str, str] = Field(description="entity field -> its value as text")
    event_time_ms: int = Field(description="when the event happened, milliseconds since the epoch, UTC")
    label_time_ms: int = Field(description="when the truth became known, milliseconds since the epoch, UTC")
    features: list[float] = Field(description="the vector that was scored")
    feature_set: str = Field(description="names the features and their order")
    score: float = Field(description="what the model said before it knew")
    predicted: str | None = Field(description="the predicted class, null where the model gave none")
    probabilities: dict[str, float] | None = Field(description="class -> probability, where the model gave them")
    model_id: str = Field(description="the model that scored, not the one that learnt")
    rung: str = Field(description="who answered")
    label: str = Field(description="the truth as text: `true`/`false`, the class, or the number")
    target: float | None = Field(description="the truth as a number: 1/0 for binary, the value for regression")
    learnt: bool = Field(description="whether the model was taught with it")
    source_topic: str = Field(description="where the label stood")
    source_partition: int
    source_offset: int
