"""Windows the naive way: every event held is looked at again for each event."""

from collections.abc import Sequence
from fractions import Fraction
from math import fsum


class NaiveWindows:
    """Judges `Features`: per key a sorted list, `(t - span, t]` filtered anew each time.

    `forgets` follows what is documented: an event that stands behind the longest window may be forgotten when there
    are more than 32 such and they are more than half, and a key when the watermark passes the end of its windows.
    Without `forgets` everything is held for ever: on-time events must not notice the difference.
    """

    def __init__(self, spans_ms: Sequence[int], *, forgets: bool) -> None:
        self.spans_ms = sorted(spans_ms)
        self.forgets = forgets
        self.held: dict[str, list[tuple[int, float]]] = {}
        self.watermark_ms = 0

    def aggregates(self, key: str, at_ms: int, value: float) -> list[float]:
        """Count, sum and mean over each span, ascending, as of `at_ms`, with the event itself."""
        if self.forgets:
            self._forget(key, at_ms)
        self.watermark_ms = max(self.watermark_ms, at_ms)
        held = self.held.setdefault(key, [])
        place = sum(1 for time_ms, _ in held if time_ms <= at_ms)
        held.insert(place, (at_ms, value))
        seen = held[: place + 1]  # of equal times, those that came before
        inside = [[v for time_ms, v in seen if at_ms - span < time_ms <= at_ms] for span in self.spans_ms]
        counts = [float(len(values)) for values in inside]
        means = [float(sum(map(Fraction, values), Fraction()) / len(values)) for values in inside]
        return [*counts, *(fsum(values) for values in inside), *means]

    def _forget(self, key: str, at_ms: int) -> None:
        longest_ms = self.spans_ms[-1]
        if at_ms > self.watermark_ms:
            self.held = {k: h for k, h in self.held.items() if h[-1][0] + longest_ms >= at_ms}
        held = self.held.get(key, [])
        behind = sum(1 for time_ms, _ in held if time_ms <= held[-1][0] - longest_ms)
        if held and at_ms >= held[-1][0] and behind > 32 and 2 * behind > len(held):
            del held[:behind]
