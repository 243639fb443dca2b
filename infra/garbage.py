"""How often Python looks for cycles where a stage folds."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

GC_THRESHOLDS = (50_000, 20, 100)
"""What a stage keeps (events within windows and horizon) has no cycles: looking for them at Python's own thresholds
cost a fifth of its time."""


@contextmanager
def paused() -> Iterator[None]:
    """Not at all within the `with`: importing makes much that stays, and looking through it takes an eighth of it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def seldom() -> None:
    """From now on seldom, and never among what is there already."""
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


@contextmanager
def for_now() -> Iterator[None]:
    """Seldom within the `with`."""
    before = gc.get_threshold()
    seldom()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)
