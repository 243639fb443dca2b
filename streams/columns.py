"""What is read of an event: its numbers, marks, what the user's functions make of it or of other features."""

from collections.abc import Callable
from hashlib import blake2b
from math import isfinite
from typing import Any

from schemas.fields import fields_of
from schemas.reject import Reason, Reject
from streams.aggregate import Filter
from streams.feature import Derived, Field

Column = Callable[..., float]
"""Called with the event, or with the features that it is derived of. Raises `Reject` where it has no number."""


def from_field(feature: Field) -> Column:
    """The value of a field as a float; its default where it is missing."""
    name, default = feature.name, _number(feature.default)

    def read(event: Any) -> float:
        value = fields_of(event)[name]
        if value is None:
            if default is None:
                raise Reject(Reason.INVALID, f"{name} is missing and has no default")
            return default
        try:
            return float(value)
        except OverflowError as error:
            raise Reject(Reason.NOT_FINITE, f"{name} is beyond the largest float") from error

    return read


def marks(field: str) -> Callable[[Any], int]:
    """64 bits that tell the values of a field apart."""

    def read(event: Any) -> int:
        value = fields_of(event)[field]
        text = str(value + 0.0 if isinstance(value, float) else value).encode()  # -0.0 is 0.0
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "little", signed=True)

    return read


def from_filter(where: Filter) -> Callable[[Any], bool]:
    """Whether an event is in windows with this filter. Raises `Reject` where the user's function fails."""

    def holds(event: Any) -> bool:
        try:
            return bool(where(event))
        except Exception as error:  # the user's own function, of which anything may come: named and rejected
            message = f"where={where.__name__} failed: {type(error).__name__}: {error}"
            raise Reject(Reason.FEATURE_FAILED, message) from error

    return holds


def from_function(feature: Derived) -> Column:
    """What the user's function gives; its default where that is no finite number."""
    name, function, default = feature.name, feature.function, _number(feature.default)

    def compute(*arguments: Any) -> float:
        try:
            value = float(function(*arguments))
        except Exception as error:  # the user's own function, of which anything may come: named and rejected
            if default is not None and isinstance(error, ZeroDivisionError | OverflowError):
                return default
            message = f"derived feature {name} failed: {type(error).__name__}: {error}"
            raise Reject(Reason.FEATURE_FAILED, message) from error
        if isfinite(value):
            return value
        if default is None:
            raise Reject(Reason.NOT_FINITE, f"feature {name} is {value}")
        return default

    return compute


def _number(default: float | None) -> float | None:
    """As a float: it may be written as a truth value or a number of numpy's."""
    return None if default is None else float(default)
