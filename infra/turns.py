"""How soon Python's threads take turns where a stage folds."""

import sys

TURN_S = 0.0005
"""A thread that commits asks for the interpreter half a dozen times per batch. By default each costs it up to 5 ms, as
long as another thread folds: with much in the queue commits took half as long again, and folding had to wait."""


def soon() -> None:
    """From now on after half a millisecond."""
    sys.setswitchinterval(TURN_S)
