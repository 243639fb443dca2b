"""What every message of ours has in common: strict validation, frozen fields, an Avro schema."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict

# The slots of a pydantic model, set past its frozen `__setattr__`: a third of the cost of `object.__setattr__`.
_set_dict = BaseModel.__dict__["__dict__"].__set__
_set_fields_set = BaseModel.__dict__["__pydantic_fields_set__"].__set__
_set_extra = BaseModel.__dict__["__pydantic_extra__"].__set__
_set_private = BaseModel.__dict__["__pydantic_private__"].__set__
_NONE_SET: frozenset[str] = frozenset()


class Message(BaseModel):
    """A value on one of Millrace's own topics: strict, frozen, no unknown fields, no NaN, no infinity.

    Times are `int` milliseconds since the epoch, UTC, and say so in their name (`…_ms`).
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    TOPIC: ClassVar[str]
    """The last part of the topic's name, as in `payments.scored`."""

    @classmethod
    def trusted(cls, **fields: Any) -> Self:
        """Build the message from fields that are right by construction, without validating them again.

        Every field must be given. The tests hold what the folds build against the validating constructor.
        """
        message = object.__new__(cls)
        _set_dict(message, fields)
        _set_fields_set(message, _NONE_SET)
        _set_extra(message, None)
        _set_private(message, None)
        return message
