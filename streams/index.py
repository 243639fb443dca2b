"""At which row an id is remembered: entries of 8 bytes in many sorted arrays that grow one at a time."""

from array import array
from bisect import bisect_left, bisect_right

import numpy as np
from numpy.typing import NDArray

FULL = 128
"""Entries per table on average: they are looked for by halves, and moved when one comes or goes."""

ROW_BITS = 32
"""They tell rows apart, as 2**32 are never remembered at once."""

TAG_BITS = 32
"""The first of an id's digest, so that they are as good as random."""

LOW = (1 << ROW_BITS) - 1

Entries = NDArray[np.uint64]


class Index:
    """Tags with their rows, both in one number, in the order of tags.

    The first bits of a tag, all but `shift`, say in which table it is. Linear hashing (Litwin, 1980): whenever there
    are more than `FULL` entries per table, the next in turn is parted in two by one more bit; until then it stands at
    both places. So growth costs each entry the same, and none waits until all others are moved. Tables stay when
    entries go: an empty one takes 100 bytes.

    The tag `missed` last is kept with the place where it would be: it is looked for just before it is added.

    >>> index = Index()
    >>> index.add(7, 12)
    >>> index.first(7), index.after(7, 12), index.first(8)
    (12, None, None)
    """

    __slots__ = ("_at", "_missed", "_next", "_room", "_shift", "_tables", "count")

    def __init__(self) -> None:
        self._tables = [array("Q")]
        self._shift = TAG_BITS
        self._next = 1
        self._room = FULL
        self._missed = -1
        self._at = 0
        self.count = 0

    def first(self, tag: int) -> int | None:
        """Of the rows of this tag, seldom more than one, the first by its lowest bits."""
        table = self._tables[tag >> self._shift]
        sought = tag << ROW_BITS
        at = bisect_left(table, sought)
        if at < len(table) and (low := table[at] - sought) <= LOW:
            return low
        self._missed, self._at = tag, at
        return None

    def after(self, tag: int, low: int) -> int | None:
        """Of the rows of this tag the next after that of these lowest bits."""
        table = self._tables[tag >> self._shift]
        found = bisect_right(table, (tag << ROW_BITS) + low)
        return table[found] & LOW if found < len(table) and table[found] >> ROW_BITS == tag else None

    def add(self, tag: int, row: int) -> None:
        """Put in a row that is not there."""
        table = self._tables[tag >> self._shift]
        entry = (tag << ROW_BITS) + (row & LOW)
        table.insert(self._at if tag == self._missed else bisect_left(table, entry), entry)
        self._missed = -1
        self.count += 1
        if self.count > self._room:
            self._part()

    def remove(self, tag: int, row: int) -> None:
        """Take out a row that is there."""
        table = self._tables[tag >> self._shift]
        del table[bisect_left(table, (tag << ROW_BITS) + (row & LOW))]
        self._missed = -1
        self.count -= 1

    def fill(self, entries: "array[int]") -> None:
        """Put in all at once where nothing is yet: what `entries_of` says, in any order."""
        self._tables = [array("Q", np.sort(np.array(entries, dtype=np.uint64)).tobytes())]
        self.count = len(entries)
        while self.count > self._room:
            self._part()

    def _part(self) -> None:
        """Part the next table in turn."""
        if self._next == len(self._tables):
            self._tables = [table for table in self._tables for _ in "01"]
            self._shift -= 1
            self._next = 0
        n = self._next
        table = self._tables[n]
        middle = bisect_left(table, n + 1 << self._shift + ROW_BITS)
        self._tables[n], self._tables[n + 1] = table[:middle], table[middle:]
        self._next = n + 2
        self._room += FULL


def entries_of(tags: Entries, rows: Entries) -> Entries:
    """Tags and their rows, each both in one number."""
    return tags << np.uint64(ROW_BITS) | rows & np.uint64(LOW)
