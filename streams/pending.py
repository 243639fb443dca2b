"""What is kept of a scored event until its label comes: one packed row, a fifth of the size of the message."""

from collections.abc import Sequence

import msgspec

from schemas.scored import Rung


class Pending(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The part of a scored event that its outcome repeats, and the vector that its model learns from.

    The rest of the message follows from the definition: `model_id` is the definition's digest and `learnt`. `keys` are
    the values of the pipeline's entities.
    """

    keys: tuple[str, ...]
    event_time_ms: int
    features: list[float]
    score: float
    predicted: str | None
    probabilities: dict[str, float] | None
    learnt: int
    rung: Rung


class Outside(Pending, frozen=True, array_like=True, gc=False):
    """The same of an event that filters leave out of groups of windows, which stand at these places."""

    outside: Sequence[int] = ()


pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(Outside).decode
"""Reads both."""


def left_out(pending: Pending, outside: Sequence[int]) -> Pending:
    """The same, of an event that filters leave out of these groups of windows, if of any."""
    return Outside(**msgspec.structs.asdict(pending), outside=outside) if outside else pending


def outside_of(pending: Pending) -> Sequence[int]:
    """The places of the groups of windows whose filter leaves the event out."""
    return pending.outside if isinstance(pending, Outside) else ()


def unscored(keys: tuple[str, ...], event_time_ms: int, outside: Sequence[int]) -> Pending:
    """What is kept of an event that another stage scores."""
    return left_out(Pending(keys, event_time_ms, [], 0.0, None, None, 0, "prior"), outside)
