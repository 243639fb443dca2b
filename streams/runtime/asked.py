"""What a stage is asked besides what it folds: events of which topic, and how and where it is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streams.answer import Answers
from streams.pipeline import Pipeline
from streams.runtime.codec import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Events on the topic of `requests` are answered on the topic `replies`, encoded by `encode`."""

    pipeline: Pipeline
    answers: Answers
    requests: Source
    replies: str
    encode: Callable[[Mapping[str, Any]], bytes]
