"""The law of the state that is asked while it is folded on: answers are those given right after the last commit."""

import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from river.forest import ARFClassifier

from streams import Field, Pipeline
from streams.keeper import Keeper
from streams.score import ScoreStage
from streams.score_state import ScoreState
from streams.stage import Emitted, Record
from tests.streams.builders import Log, Tap, pipeline
from tests.streams.logs import LOGS, Move, log_of
from tests.streams.state import walk
from tests.streams.test_answers import said
from tests.streams.test_score_laws import PIPELINES

pytestmark = pytest.mark.usefixtures("little_is_held")

MADE = {
    **PIPELINES,
    "forest": pipeline(features=[Field("amount")], model=lambda: ARFClassifier(n_models=2, seed=1, grace_period=5)),
}
EACH = pytest.mark.parametrize("made", MADE.values(), ids=MADE)
PARTS = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2), st.sampled_from(["", "save", "leave"])), min_size=1)
"""How many records are folded, how many folds may be without their commit then, and what else is done."""

TAPS = st.builds(
    Tap,
    tap_id=st.integers(0, 15).map(str),
    at_ms=st.sampled_from([0, 0, 0, 1, 5, 15, 60, 120, -1, -5, -30]),
    card=st.sampled_from("abc"),
    shop=st.sampled_from("st"),
    amount=st.floats(0, 1e3),
)
"""What is asked about, at a time so many milliseconds from that of the newest event."""


@dataclass
class Play:
    """A stage that is folded and asked before its commits, beside one that is only folded as far as they have come."""

    made: Callable[[], Any]
    taps: Sequence[Tap]
    question: Callable[[Tap], Any] = lambda tap: tap
    emitted: list[Emitted] = field(default_factory=list)
    calm: list[Emitted] = field(default_factory=list)
    waiting: deque[Sequence[Record]] = field(default_factory=deque)
    keeps: bool = True

    def __post_init__(self) -> None:
        self.stage, self.committed = self.made(), self.made()
        self.state, self.stood = self.stage.initial(0), self.committed.initial(0)
        self.keeper: Keeper = self.stage.answers.keeper

    def fold(self, records: Sequence[Record]) -> None:
        """Fold a batch, a record at a time, and ask at each."""
        if self.keeps:
            self.keeper.keep(self.state)
        self.waiting.append(records)
        for record in records:
            self.emitted += self.stage.fold(self.state, [record])
            self.ask()

    def commit(self) -> None:
        """The oldest batch is final."""
        self.calm += self.committed.fold(self.stood, self.waiting.popleft())
        if self.keeps:
            self.keeper.final(self.state)
        self.ask()

    def leave(self) -> None:
        """Nobody asks any more, until all is final."""
        self.keeper.forget(self.state)
        self.keeps = False

    def ask(self) -> None:
        """Every question has the same answer from both."""
        if not self.keeps and self.waiting:
            return
        for tap in self.taps:
            at_ms = max(self.stood.watermark_ms, 1_000) + tap.at_ms
            asked = self.question(tap.model_copy(update={"at_ms": at_ms}))

            assert repr(said(self.stage, self.state, asked, at_ms)) == repr(
                said(self.committed, self.stood, asked, at_ms)
            )


def play(played: Play, records: Sequence[Record], parts: Sequence[tuple[int, int, str]]) -> None:
    """Fold all of it in parts; nothing is to show in outputs, nor in what is saved."""
    n = 0
    saved: dict[bytes, bytes | None] = {}
    for many, ahead, also in cycle(parts):
        if n >= len(records):
            break
        if also == "leave":
            played.leave()
        played.fold(records[n : n + many])
        n += many
        if also == "save":
            saved.update(played.stage.save(played.state))
        while len(played.waiting) > ahead:
            played.commit()
        played.keeps = played.keeps or not played.waiting
    while played.waiting:
        played.commit()
    saved.update(played.stage.save(played.state))

    assert repr(played.emitted) == repr(played.calm)
    assert restored(played.stage, saved) == restored(played.committed, dict(played.committed.save(played.stood)))


def restored(stage: Any, saved: Mapping[bytes, bytes | None]) -> Any:
    """All that was saved, but for the pages on which keys stand."""
    state = stage.restore(0, {key: value for key, value in saved.items() if value is not None})
    windows = [(each.histories, sorted(each.deadlines)) for each in state.windows]
    learnt = (state.model, state.belief) if isinstance(state, ScoreState) else ()
    return walk([learnt, state.counts, state.watermark_ms, state.join, windows])


@EACH
@given(records=LOGS, parts=PARTS, taps=st.lists(TAPS, min_size=1, max_size=4))
def test_an_answer_before_the_commit_is_that_of_the_commit_before(
    made: Pipeline, records: list[Record], parts: list[tuple[int, int, str]], taps: list[Tap]
) -> None:
    play(Play(lambda: ScoreStage(made), taps), records, parts)


@EACH
def test_so_it_is_in_a_long_busy_log(made: Pipeline) -> None:
    draw = random.Random(7)
    moves: list[Move] = []
    for n in range(90):
        step_ms = draw.choice((0, 1, 1, 2, 5, -10, -40, 45))
        moves.append(("tap", str(n - draw.choice((0, 0, 0, 0, 7))), step_ms, 1_000 * draw.random(), True))
        moves.append(("finding", str(max(n - draw.randrange(12), 0)), 0, 0.0, draw.random() < 0.4))
    parts = [
        (draw.randint(1, 12), draw.randint(0, 2), draw.choice(("", "", "", "", "save", "leave"))) for _ in range(97)
    ]
    taps = [Tap(tap_id=tap_id, at_ms=at_ms, card=card) for tap_id, at_ms, card in (("a", 0, "a"), ("b", -3, "b"))]

    taps += [Tap(tap_id=str(n), at_ms=n % 4 * 30) for n in range(40, 90, 18)]
    play(Play(lambda: ScoreStage(made), taps), log_of(moves), parts)


def test_an_id_that_is_forgotten_before_the_commit_is_remembered_as_it_was() -> None:
    played = Play(lambda: ScoreStage(pipeline()), [])
    played.fold(Log().tap("1", 1_000).records)
    played.commit()
    played.fold(Log().tap("2", 1_200).records)
    asked = [said(played.stage, played.state, Tap(tap_id="1", at_ms=at_ms), at_ms) for at_ms in (1_000, 1_100, 1_101)]

    assert asked[:2] == ["duplicate", "duplicate"]
    assert asked[2] != "duplicate"
    played.taps = [Tap(tap_id="1", at_ms=0)]
    played.ask()
    played.commit()
    assert said(played.stage, played.state, Tap(tap_id="1", at_ms=1_000), 1_000) != "duplicate"


def test_a_model_that_was_taught_is_copied_once() -> None:
    played, copies = Play(lambda: ScoreStage(pipeline()), []), []
    for n in range(5):
        played.fold(Log().tap(str(n), 1_000 + n).finding(str(n), 1_000 + n).records)
        copies.append(played.state.before[0].model)
        played.commit()

    assert copies[1] is not copies[0]
    assert copies[1] is copies[2] is copies[3] is copies[4] is played.state.second
    assert played.state.second is not played.state.model
