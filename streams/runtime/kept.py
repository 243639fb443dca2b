"""Where a task stood at its last commit; what its state was there is kept while it is folded on."""

from collections import deque

from streams.keeper import Keeper
from streams.runtime.owned import Owned
from streams.said import Stands


class Kept:
    """The commits that folds which are not committed have begun at, oldest first: it is the oldest that is asked.

    All is kept from a moment on at which nothing was ahead of its commit. All methods run on the event loop.
    """

    def __init__(self, owned: Owned, keeper: Keeper) -> None:
        self._owned = owned
        self._keeper = keeper
        self._stands: deque[Stands] = deque()

    def keep(self) -> None:
        """A fold is to begin."""
        self._catch_up()
        if self._owned.task.merge.ready and (self._stands or self._owned.committed):
            self._stands.append(self._here())
            self._keeper.keep(self._owned.task.state)

    def forget(self) -> None:
        """Keep nothing any more."""
        self._stands.clear()
        self._keeper.forget(self._owned.task.state)

    @property
    def stands(self) -> Stands | None:
        """Where the state stands that is asked; None where none is committed and kept."""
        self._catch_up()
        if self._stands:
            return self._stands[0]
        return self._here() if self._owned.committed else None

    def _catch_up(self) -> None:
        """Some of the folds may have been committed meanwhile."""
        while self._stands and self._stands[0].seq < self._owned.told.seq:
            self._stands.popleft()
            self._keeper.final(self._owned.task.state)

    def _here(self) -> Stands:
        task = self._owned.task
        return Stands(task.partition, task.positions, self._owned.chain.seq, task.state.watermark_ms)
