"""The example domain: card payments, and the chargebacks that tell later which were fraud."""

from datetime import datetime

from pydantic import BaseModel, Field


class Payment(BaseModel):
    """One card payment at one terminal."""

    transaction_id: str = Field(description="unique id of the payment")
    occurred_at: datetime = Field(description="when it happened, UTC")
    customer_id: str
    terminal_id: str
    amount: float = Field(ge=0, le=1_000_000, allow_inf_nan=False, description="in the account's currency")


class Chargeback(BaseModel):
    """What became known of one payment: fraud or not."""

    transaction_id: str = Field(description="the payment that it is about")
    customer_id: str = Field(description="its customer, so that event and label meet in one partition")
    fraud: bool
    reported_at: datetime = Field(description="when it became known, UTC")
