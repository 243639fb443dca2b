"""Where the committed state of one partition is asked: at once where it is kept, else as soon as it is committed."""

import asyncio
from time import monotonic
from typing import Any, NamedTuple

from schemas.reject import Reject
from streams.answer import Answer
from streams.entrance import Unscored
from streams.passing import PassedEvent
from streams.runtime.kept import Kept
from streams.runtime.owned import Owned
from streams.runtime.task import AT_ONCE, GROUP_LIMIT
from streams.said import Stands

WAITING = 64
"""Questions that wait for a commit at most; at 200 a second those of a third of a second."""

WITHIN_S = 2.0
"""How long a question waits: commits take milliseconds, so Kafka does not answer."""

LATELY_S = 60.0
"""Who asks seldomer waits for the commit under way, and costs nothing between."""

ASKED_LIMIT = 200
"""Records folded between two commits while somebody asks: what they have taught is learnt again without a pause."""

SLICE = 10
"""Records folded while somebody asks before one looks at the time: a millisecond's work."""

MOVES = "its partition moves to another worker, or has stopped"

ROUNDS = 10
"""Of the event loop between slices while somebody asks: to accept a request, and to pass it on, takes about as many."""


class Busy(Exception):
    """Too many ask: ask again later."""


class Away(Exception):
    """The state is not here, or not committed in time: ask again, perhaps another worker."""


class Unanswerable(Exception):
    """The model fails at this event in a way of its own."""


class Answered(NamedTuple):
    """The answer, or what another stage goes on with, and where the state stood that gave it."""

    answer: Answer | PassedEvent
    stands: Stands


class Desk:
    """Answers from the state of a task that is ours. All methods run on the event loop, on which it is folded too."""

    def __init__(self, owned: Owned) -> None:
        self._owned = owned
        asked = owned.task.binding.asked
        self._kept = None if asked is None else Kept(owned, asked.answers.keeper)
        self._questions: dict[asyncio.Future[Answered], tuple[Any, int]] = {}
        self._closed = False
        self._asked_s = -LATELY_S

    @property
    def waiting(self) -> bool:
        """Whether somebody waits for the next commit."""
        return bool(self._questions)

    @property
    def limit(self) -> int:
        """How many records should be folded until the next commit at most."""
        return ASKED_LIMIT if self._asked_lately else GROUP_LIMIT

    @property
    def size(self) -> int:
        """How many records should be folded at once, at most."""
        return SLICE if self._asked_lately else AT_ONCE

    @property
    def rounds(self) -> int:
        """For how many rounds of the event loop others have their turn, whenever they have."""
        return ROUNDS if self._asked_lately else 1

    @property
    def _asked_lately(self) -> bool:
        return monotonic() - self._asked_s < LATELY_S

    def keep(self) -> None:
        """A fold is to begin: keep how the state stood where somebody asks."""
        if self._kept is None or self._closed:
            return
        if self._asked_lately:
            self._kept.keep()
        else:
            self._kept.forget()

    async def ask(self, event: Any, at_ms: int) -> Answered:
        """The answer to a question that came at `at_ms`.

        Raises `Busy`, `Away` and `Unanswerable`, and what the stage refuses the event with.
        """
        self._asked_s = monotonic()
        if self._closed:
            raise Away(MOVES)
        stands = self._stands()
        if stands is not None:
            return self._answered(event, at_ms, stands)
        if len(self._questions) >= WAITING:
            raise Busy(f"{WAITING} requests wait for partition {self._owned.task.partition} already")
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answered] = loop.create_future()
        self._questions[answered] = (event, at_ms)
        patience = loop.call_later(WITHIN_S, _send_away, answered, f"no commit within {WITHIN_S:g} s")
        try:
            return await answered
        finally:
            patience.cancel()
            self._questions.pop(answered, None)

    async def answer(self) -> None:
        """Answer who waits, where the state is committed; they have their answers on return."""
        while self._questions and (stands := self._stands()) is not None:
            answered = next(iter(self._questions))
            event, at_ms = self._questions.pop(answered)
            if answered.done():  # who asked has left
                continue
            try:
                answered.set_result(self._answered(event, at_ms, stands))
            except (Reject, Unscored, Unanswerable) as refused:
                answered.set_exception(refused)
            await asyncio.sleep(0)  # else they would have to wait for the next fold

    def close(self) -> None:
        """Send away who waits, and whoever comes."""
        self._closed = True
        if self._kept is not None:
            self._kept.forget()
        for answered in self._questions:
            _send_away(answered, MOVES)
        self._questions.clear()

    def _stands(self) -> Stands | None:
        return None if self._kept is None else self._kept.stands

    def _answered(self, event: Any, at_ms: int, stands: Stands) -> Answered:
        task = self._owned.task
        assert task.binding.asked is not None
        try:
            answer = task.binding.asked.answers.answer(task.state, event, at_ms)
        except (Reject, Unscored):
            raise
        except Exception as error:  # the user's own model, of which anything may come: named, and nobody else stops
            raise Unanswerable(f"the model failed: {type(error).__name__}: {error}") from error
        return Answered(answer, stands)


def _send_away(answered: "asyncio.Future[Answered]", why: str) -> None:
    if not answered.done():
        answered.set_exception(Away(why))
