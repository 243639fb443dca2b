"""What is kept of a scored event until its label comes: one packed row, a fifth of the size of the message."""

from collections.abc import Sequence

import msgspec

from schemas.scored import Rung


class Pending(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The part of a scored event that its outcome repeats, and the vector that its model learns from.

    The rest of the message follows from the definition: `model_id` is the definition's digest and `learnt`. `keys` are
    the values of the pipeline's entities, `outside` the places of the groups of windows whose filter leaves it out.
    """

    keys: tuple[str, ...]
    event_time_ms: int
    features: list[float]
    score: float
    predicted: str | None
    probabilities: dict[str, float] | None
    learnt: int
    rung: Rung
    outside: Sequence[int] = ()


pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder(Pending).decode


def unscored(keys: tuple[str, ...], event_time_ms: int, outside: Sequence[int]) -> Pending:
    """What is kept of an event that another stage scores."""
    return Pending(keys, event_time_ms, [], 0.0, None, None, 0, "prior", outside)
