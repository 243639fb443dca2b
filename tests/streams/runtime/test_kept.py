"""A task is asked while it folds, slice by slice, and while Kafka does not take what it has folded."""

import asyncio
from typing import Any

import pytest

from schemas.reject import Reject
from streams.entrance import Unscored
from streams.runtime.bind import bind
from streams.runtime.desk import Desk
from streams.runtime.slices import at_once, in_turn
from streams.runtime.task import GROUP_LIMIT
from tests.simulation.client import Client
from tests.simulation.faults import Effect, Fault, Plan
from tests.streams.builders import Tap, pipeline
from tests.streams.runtime.taps import EACH, LEDGER, OUTPUTS, REGISTRY, START_MS, STATE, Taps

BATCHES = 4
FAULTS = {
    "calm": [],
    "aborted": [Fault("commit", Effect.ABORTABLE, skip) for skip in (1, 0, 1)],
    "not done": [Fault("commit", Effect.UNKNOWN_BEFORE, 2)],
    "done": [Fault("commit", Effect.UNKNOWN_AFTER, 2)],
}


class Asked:
    """A stage on a log that is asked about taps which have come, are coming and will not come."""

    def __init__(self, *faults: Fault) -> None:
        made = pipeline(requests=True)
        self.taps = Taps(binding=bind(made, "score", prefix="", registry=REGISTRY, partitions=1))
        self.plan = Plan(faults)
        self.owned = self.taps.owner(kafka=Client(self.taps.log, self.plan)).own(0)
        self.desk = Desk(self.owned)

    def arrive(self) -> None:
        self.taps.arrive()
        for topic in self.taps.binding.topics:
            for run in self.taps.kafka.read(topic, 0, self.owned.task.merge.inputs[topic].fetched):
                assert self.owned.deliver(run)

    def answers(self) -> list[Any]:
        """What is said of each, and where the state stands that says so."""
        return [self._answer(tap_id, card) for tap_id in ("0", "13", "30", "new") for card in "ab"]

    def _answer(self, tap_id: str, card: str) -> Any:
        tap = Tap(tap_id=tap_id, at_ms=START_MS + BATCHES * EACH, card=card)
        try:
            return repr(asyncio.run(self.desk.ask(tap, tap.at_ms)))
        except (Reject, Unscored) as refused:
            return refused.reason

    def written(self) -> list[list[bytes]]:
        return [self.taps.values(topic) for topic in (*OUTPUTS, STATE, LEDGER)]


@pytest.fixture(scope="module")
def calm() -> tuple[list[Any], Any]:
    """The answers after each commit, and all that is written where nobody asks before."""
    asked = Asked()
    answers = [asked.answers()]
    for _ in range(BATCHES):
        asked.arrive()
        assert asked.owned.advance()
        answers.append(asked.answers())
    assert len(set(map(repr, answers))) == BATCHES + 1
    return answers, asked.written()


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("size", [1, 5, GROUP_LIMIT])
def test_answers_are_those_of_the_last_commit_at_every_moment(
    calm: tuple[list[Any], Any], faults: list[Fault], size: int
) -> None:
    asked = Asked(*faults)
    for answers in calm[0][:-1]:
        assert asked.answers() == answers
        asked.arrive()
        asked.desk.keep()
        folding = asked.owned.folding(GROUP_LIMIT, size)
        batch = None
        try:
            while True:
                next(folding)
                assert asked.answers() == answers
        except StopIteration as end:
            batch = end.value
        assert asked.answers() == answers
        assert batch is not None
        asked.owned.commit(batch)
    assert asked.answers() == calm[0][-1]
    assert asked.plan.fired == faults

    if not faults:
        assert asked.written() == calm[1]


def test_a_fold_in_slices_gives_what_a_fold_at_once_gives(calm: tuple[list[Any], Any]) -> None:
    asked = Asked()
    for _ in range(BATCHES):
        asked.arrive()
        batch = at_once(asked.owned.folding(GROUP_LIMIT, 3))
        assert batch is not None
        asked.owned.commit(batch)

    assert asked.written() == calm[1]


def test_others_have_their_turn_between_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.runtime.slices.TURN_S", 0.0)
    done: list[str] = []

    def work() -> Any:
        for n in range(3):
            yield
            done.append(f"slice {n}")
        return "all"

    async def other() -> None:
        for _ in range(2):
            done.append("other")
            await asyncio.sleep(0)

    async def play() -> Any:
        task = asyncio.create_task(other())
        found = await in_turn(work())
        await task
        return found

    assert asyncio.run(play()) == "all"
    assert done == ["other", "slice 0", "other", "slice 1", "slice 2"]
