"""A profile of what stands on the topics: every event and label there, and what a worker would reject."""

import pytest

from infra.profile.model import Profile
from infra.settings import Settings
from producers.known import Kind
from schemas.problem import Problem
from streams.load import load
from tests.integration.driven import ask, given, put
from tests.integration.harness import PIPELINES
from tests.integration.test_restart import payments

pytestmark = pytest.mark.servers

TILLS = f"{PIPELINES / 'till.py'}:tills"
EVENTS = 3_000
LABELS = EVENTS // 3


def profiled(settings: Settings) -> Profile:
    ran = ask(settings, "profile", TILLS, "--json")
    assert ran.exit_code == 0, ran.output
    return Profile.model_validate_json(ran.stdout)


def test_the_topics_of_four_partitions_are_profiled_to_their_ends(settings: Settings) -> None:
    given(settings, TILLS, payments(0, EVENTS), partitions=4)
    put(settings, load(TILLS).topics(settings.topic_prefix).events, 1, b"c1", b"no event")
    put(settings, load(TILLS).topics(settings.topic_prefix).events, 2, None, None)
    profile = profiled(settings)

    assert profile.rows == EVENTS
    assert profile.rejected == {"events: not_avro": 1, "events: empty": 1}
    assert (profile.id, profile.time) == ("transaction_id", "occurred_at")
    labels = profile.labels
    assert labels is not None
    assert (labels.labelled, labels.orphans, labels.repeated) == (LABELS, 0, 0)
    assert labels.delays is not None
    assert set(labels.delays.quantiles.values()) == {3600.0}
    amount = next(each for each in profile.fields if each.name == "amount")
    assert amount.relation is not None
    assert amount.relation.auc == 1.0  # fraud is an amount above 60
    assert [each.field for each in profile.findings if each.what == "leak"] == ["amount"]
    times = next(each.times for each in profile.fields if each.name == "occurred_at")
    assert times is not None
    assert times.out_of_order == 0


def test_topics_that_are_not_there_are_one_sentence(settings: Settings) -> None:
    with pytest.raises(Problem, match="there is no topic"):
        ask(settings, "profile", TILLS)


def test_events_that_have_no_label_yet_are_profiled(settings: Settings) -> None:
    given(settings, TILLS, (each for each in payments(0, 50) if each.kind is Kind.EVENT), partitions=4)
    profile = profiled(settings)

    assert profile.rows == 50
    assert profile.labels is not None
    assert (profile.labels.labelled, profile.labels.task) == (0, "binary")
    assert [each.text for each in profile.findings if "no event has a label yet" in each.text]


def test_topics_that_hold_nothing_are_one_sentence(settings: Settings) -> None:
    given(settings, TILLS, payments(0, 0), partitions=4)

    with pytest.raises(Problem, match="holds no event that can be read"):
        ask(settings, "profile", TILLS)
