"""A question goes the way of an event: what all stages say of it is what it is scored with once it has gone there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.reject import Reject
from schemas.scored import Scored
from streams import Pipeline
from streams.entity import EntityStage
from streams.entrance import Unscored
from streams.facts import Facts
from streams.passing import NOWHERE, PassedEvent
from streams.plan import steps
from streams.stage import Record, Refused
from tests.streams.builders import Log, Tap, messages
from tests.streams.logs import LOGS
from tests.streams.stages import Chain
from tests.streams.test_answers import QUESTIONS, kept, told
from tests.streams.test_before import PARTS, Play, play
from tests.streams.test_before import TAPS as NEAR
from tests.streams.test_stages import EACH, PIPELINES

pytestmark = pytest.mark.usefixtures("little_is_held")

PARTITIONS = 3


def chain_of(made: Pipeline) -> Chain:
    return Chain(made, PARTITIONS, place=lambda key: sum(key) % PARTITIONS)


def said(chain: Chain, made: Pipeline, tap: Tap, at_ms: int) -> Any:
    """What all stages say, or why they do not."""
    try:
        return told(chain.ask(tap, key_of(made, tap), at_ms))
    except (Reject, Unscored) as refused:
        return refused.reason


def key_of(made: Pipeline, tap: Tap) -> bytes:
    return str(getattr(tap, made.key)).encode()


def folded(chain: Chain, made: Pipeline, record: Record) -> Any:
    """The same of an event that goes through all stages."""
    counted = {reason: counts(chain, f"events.{reason}") for reason in ("duplicate", "late")}
    seen = [len(each) for each in chain.emitted]
    chain.fold([record])
    new = [emitted[start:] for emitted, start in zip(chain.emitted, seen, strict=True)]
    for scored in messages(new[-1], Scored):
        learnt = int(scored.model_id.removeprefix(f"{made.digest}/"))
        return scored.features, (scored.score, scored.predicted, scored.probabilities), scored.rung, learnt
    for each in (each for emitted in new for each in emitted if isinstance(each, Refused)):
        return each.reject.reason
    return next(reason for reason, many in counted.items() if counts(chain, f"events.{reason}") > many)


def counts(chain: Chain, what: str) -> int:
    return sum(state.counts[what] for states in chain.states for state in states)


@EACH
@given(records=LOGS)
def test_an_answer_is_what_the_event_is_scored_with(made: Pipeline, records: list[Record]) -> None:
    chain = chain_of(made)
    for record in records:
        tap: Any = record.value
        if not isinstance(tap, Tap):
            chain.fold([record])
            continue
        answer = said(chain, made, tap, record.timestamp_ms)

        assert repr(answer) == repr(folded(chain, made, replace(record, key=key_of(made, tap))))


@EACH
@given(records=LOGS, questions=QUESTIONS)
def test_questions_change_no_output_and_nothing_that_is_saved(
    made: Pipeline, records: list[Record], questions: list[tuple[int, Tap]]
) -> None:
    calm, asked = chain_of(made), chain_of(made)
    for n, record in enumerate(records):
        for tap in (tap for place, tap in questions if place % len(records) == n):
            said(asked, made, tap, record.timestamp_ms)
        calm.fold([record])
        asked.fold([record])

    assert repr(asked.emitted) == repr(calm.emitted)
    for n, stage in enumerate(calm.stages[:-1]):
        for one, other in zip(asked.states[n], calm.states[n], strict=True):
            assert list(asked.stages[n].save(one)) == list(stage.save(other))
    for one, other in zip(asked.states[-1], calm.states[-1], strict=True):
        assert kept(asked.stages[-1], one) == kept(calm.stages[-1], other)


@EACH
@given(records=LOGS, parts=PARTS, taps=st.lists(NEAR, min_size=1, max_size=4))
def test_an_entity_answers_before_the_commit_as_of_the_commit_before(
    made: Pipeline, records: list[Record], parts: list[tuple[int, int, str]], taps: list[Tap]
) -> None:
    chain = chain_of(made).fold(records)
    for n, step in enumerate(steps(made, PARTITIONS)[:-1]):

        def passed(tap: Tap, *, first: bool = step.first) -> Any:
            keys = tuple(str(getattr(tap, entity)) for entity in made.entities)
            facts = Facts(tap.tap_id, keys, tap.at_ms)
            return tap if first else PassedEvent(facts, made.compiled.read(tap), [], NOWHERE)

        for partition in range(PARTITIONS):
            play(Play(lambda step=step: EntityStage(made, step), taps, passed), chain.read[n][partition], parts)  # type: ignore[misc]  # mypy does not know a lambda's defaults


def test_what_is_late_is_so_as_of_the_last_commit() -> None:
    made = PIPELINES["late skipped"]
    stage = EntityStage(made, steps(made, PARTITIONS)[0])
    state = stage.initial(0)
    stage.fold(state, Log().tap("1", 1_000).records)
    stage.answers.keeper.keep(state)
    stage.fold(state, Log().tap("2", 1_500).records)

    stage.answers.answer(state, Tap(tap_id="3", at_ms=1_000), 1_500)
    with pytest.raises(Unscored, match="1 ms behind"):
        stage.answers.answer(state, Tap(tap_id="3", at_ms=999), 1_500)
    stage.answers.keeper.final(state)
    with pytest.raises(Unscored, match="500 ms behind"):
        stage.answers.answer(state, Tap(tap_id="3", at_ms=1_000), 1_500)
