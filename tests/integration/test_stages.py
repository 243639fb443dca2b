"""Features of several entities on four partitions: a stage for each, on real servers, killed and started again."""

from itertools import groupby
from pathlib import Path

import psutil
import pytest

from infra.audit.opened import opened
from infra.embedded.process import ServerProcess
from infra.feed import feed
from infra.settings import Settings, schema_registry
from infra.skew.naive import Naive
from schemas.decode import own_decoder
from schemas.outcome import Outcome
from schemas.passed import Passed
from schemas.payment import Chargeback, Payment
from schemas.registry import Registry
from schemas.scored import Scored
from streams.aggregate import EVERYTHING, Windows
from streams.load import load
from streams.passing import PassedLabel, Passing
from streams.pipeline import Pipeline
from tests.integration.driven import ask, fold, given
from tests.integration.harness import FOLDED_S, MILLRACE, PIPELINES, decoded, environment, read, wait
from tests.integration.test_skew import payments

pytestmark = pytest.mark.servers

STAGED = f"{PIPELINES / 'verbs.py'}:staged"
PARTITIONS = 4
WAY = ("by_customer_id", "by_all", "score")
EVENTS = 1_000
STOPPED_S = 30.0
HALVES = [list(payments(0, EVENTS // 2)), list(payments(EVENTS // 2, EVENTS))]
PAYMENTS = {e.record.transaction_id: e.record for half in HALVES for e in half if isinstance(e.record, Payment)}
LABELLED = {e.record.transaction_id for half in HALVES for e in half if isinstance(e.record, Chargeback)}


def fold_all(settings: Settings) -> None:
    """All that stands on the inputs, stage after stage."""
    with opened(load(STAGED), settings) as found:
        assert [stage.stage for stage in found] == [*WAY, "monitor"]
        for stage in found:
            fold(stage)


def scored(settings: Settings) -> dict[str, list[float]]:
    """The vector of every event; each is scored once."""
    rows = decoded(settings, load(STAGED).topics(settings.topic_prefix).scored, Scored)
    found = {row["event_id"]: row["features"] for row in rows}
    assert len(found) == len(rows)
    return found


def taught(settings: Settings) -> set[str]:
    """The events that have met their label; each has once."""
    rows = decoded(settings, load(STAGED).topics(settings.topic_prefix).outcomes, Outcome)
    found = {row["event_id"] for row in rows}
    assert len(found) == len(rows)
    return found


def again(settings: Settings, pipeline: Pipeline, stage: str, entity: str) -> dict[tuple[str, str], float | None]:
    """The features of `entity` by event and name, looked at anew in the order in which their stage has read them."""
    with Registry(schema_registry(settings)) as registry:
        decode, topic = own_decoder(Passed, registry), pipeline.topics(settings.topic_prefix).passed(1, stage)
        records = [(each.partition(), decode(each.value())) for each in read(settings, topic)]
    features = [each for each in pipeline.features if isinstance(each, Windows) and each.entity == entity]
    names = [name for feature in features for name in feature.names]
    passing = Passing(pipeline.compiled)
    found: dict[tuple[str, str], float | None] = {}
    for _, part in groupby(records, key=lambda each: each[0]):
        naive = Naive(features, pipeline.lateness_ms)
        for _, row in part:
            each = passing.read(row)
            if isinstance(each, PassedLabel):
                naive.label(each.facts.id, positive=each.truth.value)
                continue
            event = PAYMENTS[each.facts.id]
            seen = naive.add(event, each.facts.id, each.facts.time_ms)
            found |= {
                (each.facts.id, name): value.value
                for name, value in zip(names, naive.vector(event, seen), strict=True)
                if value.sure
            }
    return found


def test_each_stage_finds_what_its_recorded_order_defines_also_across_a_restart(settings: Settings) -> None:
    pipeline = load(STAGED)
    given(settings, STAGED, iter(HALVES[0]), partitions=PARTITIONS)
    fold_all(settings)
    feed(pipeline, HALVES[1], settings)
    fold_all(settings)

    served = scored(settings)
    values = {
        (event, name): value
        for event, vector in served.items()
        for name, value in zip(pipeline.feature_names, vector, strict=True)
    }
    assert len(served) == EVENTS
    for stage, entity in (("by_all", EVERYTHING), ("score", "terminal_id")):
        expected = again(settings, pipeline, stage, entity)
        assert len(expected) > EVENTS // 2
        assert {each: values[each] for each in expected} == expected
    for stage in (*WAY, "monitor"):
        ran = ask(settings, "verify", STAGED, "--stage", stage, "--json")
        assert ran.exit_code == 0, ran.output


def kill(worker: ServerProcess, stage: str) -> None:
    """SIGKILL to the process of one stage, wherever the worker has it."""
    found = [each for each in psutil.Process(worker.pid).children(recursive=True) if each.cmdline()[-1:] == [stage]]
    assert found
    for each in found:
        each.kill()


def test_stages_that_are_killed_lose_and_double_nothing(settings: Settings, tmp_path: Path) -> None:
    pipeline = load(STAGED)
    topics = pipeline.topics(settings.topic_prefix)
    given(settings, STAGED, iter(HALVES[0] + HALVES[1]), partitions=PARTITIONS)
    gives = {"by_customer_id": topics.passed(1, "by_all"), "by_all": topics.passed(1, "score"), "score": topics.scored}
    command = [*MILLRACE, "worker", STAGED]
    with ServerProcess("the worker", command, log_path=tmp_path / "log", env=environment(settings)) as worker:
        for stage, topic in gives.items():
            wait(f"{stage} begins", lambda topic=topic: bool(read(settings, topic)), [worker], within_s=FOLDED_S)  # type: ignore[misc]
            kill(worker, stage)
        wait("all is scored", lambda: len(scored(settings)) == EVENTS, [worker], within_s=FOLDED_S)
        wait("all is learnt", lambda: len(taught(settings)) == len(LABELLED), [worker], within_s=FOLDED_S)
        assert taught(settings) == LABELLED
    for stage in WAY:
        ran = ask(settings, "verify", STAGED, "--stage", stage, "--json")
        assert ran.exit_code == 0, ran.output
