"""What is known of how the scores of one window turned out, and when to state it again."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from streams.monitor.buckets import Ints

GROWTH = 1.25
MOST_PAIRS = 1_000
"""Pairs of true and predicted class that a window keeps; further ones are counted together as `confusion_others`."""


class Version(NamedTuple):
    """What changes with every change of a tally."""

    events: int
    labelled: int
    revision: int


@dataclass(slots=True)
class Tally:
    """Sums over the labelled events of one window, and what was stated of it."""

    events: int = 0
    labelled: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    pairs: Counter[str] = field(default_factory=Counter)
    bins: Ints | None = None
    revision: int = 0
    stated: int = 0
    next_age: int = 1

    @property
    def version(self) -> Version:
        """Differs where anything of it differs."""
        return Version(self.events, self.labelled, self.revision)

    def due(self, age: int) -> bool:
        """Whether to state it, `age` whole windows after its end.

        Once at its end; then, if more labels came, when they are a quarter more than last stated, or all, or when an
        age of 1, 2, 4, 8 … windows is reached. So it is stated O(log events + log horizon) times.
        """
        if self.revision == 0:
            return True
        if self.labelled == self.stated:
            return False
        return self.labelled >= self.stated * GROWTH or self.labelled >= self.events or age >= self.next_age

    def mark(self, age: int) -> None:
        """It was stated."""
        self.revision += 1
        self.stated = self.labelled
        while self.next_age <= age:
            self.next_age *= 2

    def add_bins(self, places: Ints, size: int) -> None:
        """Count score bins."""
        if self.bins is None:
            self.bins = np.zeros(size, dtype=np.int32)
        np.add.at(self.bins, places, 1)

    def add_pair(self, pair: str) -> None:
        """Count `true|predicted`."""
        if pair in self.pairs or len(self.pairs) < MOST_PAIRS:
            self.pairs[pair] += 1
        else:
            self.sums["confusion_others"] = self.sums.get("confusion_others", 0.0) + 1.0

    def values(self) -> dict[str, float]:
        """All sums by name; `confusion:true|predicted` for pairs of classes, in the order of their names."""
        confusion = {f"confusion:{pair}": float(count) for pair, count in sorted(self.pairs.items())}
        return {"n": float(self.labelled)} | self.sums | confusion
