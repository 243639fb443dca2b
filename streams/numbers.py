"""What is small in a score state: counts, times and places, as it is saved."""

import msgspec

from streams.ladder import Belief


class Numbers(msgspec.Struct, array_like=True, frozen=True):
    """All of it in one value, written at every save."""

    counts: dict[str, int]
    belief: Belief
    watermark_ms: int
    rows_end: int
    forgotten_to: int
    horizon_ms: int


write_numbers = msgspec.msgpack.Encoder().encode
read_numbers = msgspec.msgpack.Decoder(Numbers).decode
