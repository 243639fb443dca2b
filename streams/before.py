"""How what a fold changes stood before it, beside windows and rows, which keep that themselves."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from streams.ladder import Belief


@dataclass(slots=True)
class Before:
    """What stood before a fold."""

    watermark_ms: int


@dataclass(slots=True)
class ModelBefore(Before):
    """The same where there is a model, and what the fold has taught it.

    `model` is None where it is still to come of the fold before this one.
    """

    belief: Belief
    model: Any
    taught: list[tuple[Sequence[float], Any]] = field(default_factory=list)
