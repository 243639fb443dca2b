"""What one stage passes on to the next: an event with what windows have found for it so far, or the label of one."""

from typing import ClassVar, Literal

from pydantic import Field

from schemas.message import Message


class Passed(Message):
    """An event that was accepted, or the label of such a one, on its way to the stage that holds the next entity.

    Events and labels travel in one topic, so that a label never overtakes its event.
    """

    TOPIC: ClassVar[str] = "passed"

    role: Literal["events", "labels"] = Field(description="whether this is an event or the label of one")
    event_id: str = Field(description="the event's id, as text")
    keys: list[str] = Field(description="the values of the pipeline's entities, as text")
    event_time_ms: int = Field(description="when it happened, milliseconds since the epoch, UTC")
    source_topic: str = Field(description="where the event or the label stood")
    source_partition: int
    source_offset: int
    plain: list[float] = Field(description="the features of the event alone; none with a label")
    values: list[float] = Field(description="what windows keep of the event, 0 where that is a mark; none with a label")
    marks: list[int] = Field(description="64 bits each that tell values apart, where windows count different ones")
    outside: list[int] = Field(description="the places of the groups of windows whose filter leaves the event out")
    found: list[float] = Field(description="what windows have found so far, stage after stage")
    key: bytes | None = Field(description="the event's record as it came: its key; null with a label")
    value: bytes | None = Field(description="the event's record as it came: its value; null with a label")
    label: str | None = Field(description="the label's value as JSON; null with an event")
    label_time_ms: int | None = Field(description="when the label became known; null with an event")
    revises: bool = Field(False, description="whether the label takes the place of another; false with an event")
