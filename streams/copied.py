"""A copy of what is held of a key, as quick as memory is copied: rows of numbers as they are, not one by one."""

from array import array
from collections import deque
from copy import deepcopy
from typing import Any, TypeVar

from sortedcontainers import SortedList

T = TypeVar("T")


def copied(held: T) -> T:
    """A copy that shares nothing with `held` that may change.

    >>> row = [1, 2, 3]
    >>> copied(row) == row, copied(row) is row
    (True, False)
    """
    copy: Any = _copied(held)
    found: T = copy
    return found


def _copied(held: Any) -> Any:
    if isinstance(held, int | float | str | bytes | tuple):
        return held
    if isinstance(held, array):
        return held[:]
    if isinstance(held, bytearray | deque | SortedList):  # of numbers
        return held.copy()
    if isinstance(held, list):
        return held[:] if not held or isinstance(held[0], int | float) else [_copied(each) for each in held]
    if isinstance(held, dict):
        copy = held.copy()
        copy.update({key: _copied(value) for key, value in held.items() if not isinstance(value, int | float)})
        return copy
    slots = [name for kind in type(held).__mro__ for name in getattr(kind, "__slots__", ())]
    if not slots or hasattr(held, "__dict__"):
        return deepcopy(held)
    copy = object.__new__(type(held))
    for name in slots:
        setattr(copy, name, _copied(getattr(held, name)))
    return copy
