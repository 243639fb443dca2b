"""Features without windows by definition: what stands in the event, and what is derived of it or of other features."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from streams.feature import Derived, Field


def field_of(feature: Field, event: Any) -> float | None:
    """The number, or the default where there is none."""
    value = getattr(event, feature.name)
    return feature.default if value is None else float(value)


def derived_of(feature: Derived, given: Sequence[Any]) -> float | None:
    """What the user's function gives, or the default that stands in; None where an event would have been rejected."""
    if any(each is None for each in given):
        return None
    try:
        value = float(feature.function(*given))
    except (ZeroDivisionError, OverflowError):
        return feature.default
    except Exception:  # noqa: BLE001 (the user's own function, of which anything may come: it has no value here)
        return None
    return value if isfinite(value) else feature.default
