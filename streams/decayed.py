"""Means of one key in which an event counts half as much after each half-life."""

from collections.abc import Sequence
from math import isinf
from struct import Struct

from streams.newest import Size
from streams.tiles import NEVER_MS
from streams.windows import Place

SETTLED_AFTER = 7
"""Half-lives after which what came before the first event would weigh less than one part in a hundred."""

FORGOTTEN_AFTER = 64
"""Half-lives after which the events of a key are forgotten: beside the next one they weigh less than 2**-64."""

_HEAD = Struct("=q")


class Decayed:
    """Per half-life the weight of all events as of the newest, and the weighted sum of each value.

    An event at `t` weighs 2**(-(T - t) / half-life) as of the newest, `T`. Floating-point, in the order of arrival. The
    exponentially decayed average of Cormode, Shkapenyuk, Srivastava and Xu, Forward Decay: A Practical Time Decay Model
    for Streaming Systems (2009). A late event's own mean is of all that came before it, what is newer included.
    """

    __slots__ = ("half_lives_ms", "newest_ms", "sums", "weights")

    def __init__(self, half_lives_ms: Sequence[int], values: int) -> None:
        self.half_lives_ms = half_lives_ms
        self.newest_ms = NEVER_MS
        self.weights = [0.0] * len(half_lives_ms)
        self.sums = [[0.0] * len(half_lives_ms) for _ in range(values)]

    def look(self, at_ms: int) -> Place:  # noqa: ARG002 (weights of all events change alike)
        return (), 0

    def add(self, at_ms: int, values: Sequence[float]) -> Place:
        """Add an event. Raises `OverflowError`, and is of no use then, where a sum is beyond the largest float."""
        later_ms = at_ms - self.newest_ms
        for i, half_life_ms in enumerate(self.half_lives_ms):
            weight = 2.0 ** (-abs(later_ms) / half_life_ms)
            old, new = (weight, 1.0) if later_ms >= 0 else (1.0, weight)
            self.weights[i] = self.weights[i] * old + new
            for sums, value in zip(self.sums, values, strict=True):
                sums[i] = sums[i] * old + value * new
                if isinf(sums[i]):
                    raise OverflowError
        self.newest_ms = max(self.newest_ms, at_ms)
        return (), 0

    def mean(self, value: int, i: int, default: float) -> float:
        """Of a kept value over a half-life; `default` of no event."""
        return self.sums[value][i] / self.weights[i] if self.weights[i] else default

    def newest_at(self, _size: Size) -> Size | int:
        """At which byte of what was written the newest time stands."""
        return 0

    def write(self) -> bytes:
        """The newest time, the weights, the sums of each value."""
        numbers = [*self.weights, *(each for sums in self.sums for each in sums)]
        return _HEAD.pack(self.newest_ms) + Struct(f"<{len(numbers)}d").pack(*numbers)

    def read(self, written: bytes) -> None:
        """Be what was written."""
        (self.newest_ms,) = _HEAD.unpack_from(written)
        width = len(self.half_lives_ms)
        numbers = Struct(f"<{width * (1 + len(self.sums))}d").unpack_from(written, _HEAD.size)
        self.weights = list(numbers[:width])
        self.sums = [list(numbers[width * i : width * (i + 1)]) for i in range(1, 1 + len(self.sums))]
