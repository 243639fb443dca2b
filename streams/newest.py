"""The newest time of what is held of a key and was written, without reading the rest."""

import sys
from collections.abc import Sequence
from itertools import islice
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

TIME = 8
"""Bytes of a time: a signed number of milliseconds, in the order of the machine's own."""

TOGETHER = 10_000
"""So many are looked at at once: quicker by five than one after the other, and no second copy of all of them."""

Size = TypeVar("Size", int, NDArray[np.int64])


class Timed(Protocol):
    """Where it writes its newest time."""

    def newest_at(self, size: Size, /) -> Size | int:
        """At which byte, of so many that were written; of many sizes at once, or the same for all."""


def newest_of(held: Timed, written: bytes) -> int:
    """The newest time of what such a one as `held` has written."""
    at = held.newest_at(len(written))
    return int.from_bytes(written[at : at + TIME], sys.byteorder, signed=True)


def newest_of_each(held: Timed, written: Sequence[bytes]) -> list[int]:
    """That of each, none of them empty."""
    found: list[int] = []
    left = iter(written)
    while some := list(islice(left, TOGETHER)):
        sizes = np.fromiter(map(len, some), np.int64, len(some))
        joined = b"".join(some)
        at_every_byte = np.ndarray((len(joined) - TIME + 1,), np.int64, joined, strides=(1,))
        found += at_every_byte[sizes.cumsum() - sizes + held.newest_at(sizes)].tolist()
    return found
