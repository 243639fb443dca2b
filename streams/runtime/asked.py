"""What a stage is asked besides what it folds: events of which topic, and how and where it is answered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from streams.answer import Answer
from streams.pipeline import Pipeline
from streams.runtime.codec import Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Events on the topic of `requests` are answered on the topic `replies`, encoded by `encode`.

    `answer` is given the state, the event and when it was asked, in milliseconds since the epoch.
    """

    pipeline: Pipeline
    answer: Callable[[Any, Any, int], Answer]
    requests: Source
    replies: str
    encode: Callable[[Mapping[str, Any]], bytes]
