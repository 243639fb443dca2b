"""When a state is to be saved: seldom enough to cost little, often enough that little is folded again."""

from collections.abc import Callable

SPACING = 50
"""Times what it costs: saving takes a fiftieth of the time at most."""

LEAST_S = 1.0
"""Seconds between two checkpoints at least. What is folded in one is folded again in one, at full speed."""

MOST_S = 3.0
"""Seconds spent folding between two checkpoints at most, whatever saving costs: so long folding again may take."""


class Due:
    """Says when the next checkpoint is due: as soon as the last one has paid for itself.

    So what must be folded again is a second's work, and up to three where saving costs more than 20 ms.

    >>> now = iter([0.0, 0.5, 2.0, 2.05, 2.1, 3.0, 7.2, 7.25, 7.3])
    >>> due = Due(lambda: next(now))
    >>> due.folded(0.01)
    >>> due.now(), due.now()
    (False, True)
    >>> due.saving()
    >>> due.saved(cost_s=0.1)
    >>> due.folded(0.01)
    >>> due.now(), due.now()
    (False, True)
    >>> due.saving()
    >>> due.saved(cost_s=1.0)
    >>> due.folded(3.0)
    >>> due.now()
    True
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._cost_s = 0.0
        self._saved_s = clock()
        self._folded = False
        self._folding_s = 0.0

    def folded(self, took_s: float) -> None:
        """The state has changed since it was saved, and so long that took."""
        self._folded = True
        self._folding_s += took_s

    def now(self) -> bool:
        """Whether it is time. Never where nothing was folded; at a clean stop, save whatever this says."""
        spaced_s = max(LEAST_S, SPACING * self._cost_s)
        return self._folded and (self._folding_s >= MOST_S or self._clock() - self._saved_s >= spaced_s)

    def saving(self) -> None:
        """A checkpoint goes with the next commit; what is folded from now on is for the one after it."""
        self._saved_s = self._clock()
        self._folded = False
        self._folding_s = 0.0

    def saved(self, cost_s: float) -> None:
        """It was written; encoding, producing and committing it took that long."""
        self._cost_s = cost_s
        self._saved_s = self._clock()
