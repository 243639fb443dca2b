"""What a stage is asked besides what it folds: by anyone where events come in, else by the stage before."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import BaseModel

from schemas.passed import Passed
from streams.answer import Answers
from streams.pipeline import Pipeline
from streams.runtime.codec import Source


class Question(BaseModel):
    """An event that is only asked about, on its way to a partition of the next stage, with what was found so far."""

    partition: int
    passed: Passed
    at_ms: int
    """When it was asked, milliseconds since the epoch, UTC."""
    request_id: str | None
    earlier: dict[str, int]
    """Stage -> the ledger entry of the state that was asked, of those before."""


class Door(NamedTuple):
    """Events on the topic of `requests` are answered on the topic `replies`, encoded by `encode`."""

    requests: Source
    replies: str
    encode: Callable[[Mapping[str, Any]], bytes]


class Following(NamedTuple):
    """The stage that goes on with an answer: its consumer group, and which of an event's keys has its partition."""

    group: str
    key: Callable[[Sequence[str]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`answers` to whom comes through the `door`, which only the first stage has, or from the stage before.

    `following` goes on with them; None where they are whole.
    """

    pipeline: Pipeline
    stage: str
    answers: Answers
    door: Door | None
    following: Following | None
